from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from agents.models import Provider
from agents.services.providers import create_provider, delete_provider, update_provider
from gathering_site.common.actors import Actor
from gathering_site.common.admin import ServiceAdmin, ServiceForm


class ProviderForm(ServiceForm):
    """The key has a field that is not the model's, so that no page and no check of a form ever holds the stored one."""

    fields_of_errors = {"api_key": "new_key"}
    base_url = forms.CharField(
        required=False,
        max_length=500,
        widget=admin.widgets.AdminTextInputWidget,
        help_text="Where it is reached; empty for the kind's usual address.",
    )
    new_key = forms.CharField(
        label="API key",
        required=False,
        max_length=4000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text="Kept encrypted and never shown. Empty: the one that is kept stays.",
    )

    def clean_settings(self) -> Any:
        settings = self.cleaned_data["settings"]
        return {} if settings is None else settings


@admin.register(Provider)
class ProviderAdmin(ServiceAdmin):
    form = ProviderForm
    list_display = ["name", "kind", "base_url", "has_key", "owner", "updated_at"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    sortable_by = ["name", "updated_at"]
    search_fields = ["name"]
    search_help_text = "Beginnings of words of the name."
    fields = ["name", "kind", "base_url", "new_key", "has_key", "allow_private", "settings", "owner"]
    readonly_fields = ["has_key", "owner"]

    @admin.display(boolean=True, description="key kept")
    def has_key(self, provider: Provider) -> bool:
        return bool(provider.api_key)

    def create(self, actor: Actor, values: dict[str, Any]) -> Provider:
        given = {field: values[field] for field in ("name", "kind", "base_url", "settings")}
        allowed = values["allow_private"] or None  # Not ticked is not refused: an ollama has it by default.
        return create_provider(actor=actor, api_key=values["new_key"], allow_private=allowed, **given)

    def update(self, actor: Actor, thing: Provider, values: dict[str, Any], changed: Iterable[str]) -> Provider:
        changes = {"api_key" if field == "new_key" else field: values[field] for field in changed}
        return update_provider(actor=actor, provider=thing, **changes)

    def delete(self, request: HttpRequest, thing: Provider) -> None:
        delete_provider(actor=self.actor(request), provider=thing)
