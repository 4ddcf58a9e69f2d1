from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import ProhibitNullCharactersValidator
from django.http import HttpRequest

from agents.models import Agent, AgentRevision
from agents.services.agents import FIELDS, create_agent, delete_agent, update_agent
from gathering_site.common.actors import Actor
from gathering_site.common.admin import LatestInline, ServiceAdmin, ServiceForm


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 40})

    def prepare_value(self, value: list[str] | str | None) -> str | None:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: str | None) -> list[str]:  # type: ignore[override]
        text = super().to_python(value) or ""
        ProhibitNullCharactersValidator()(text)
        return [line.strip() for line in text.splitlines() if line.strip()]


class ProseField(forms.CharField):
    """Text as it is kept: browsers send ends of lines as two characters, and Django cuts off white space."""

    widget = admin.widgets.AdminTextareaWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, required=False, **options)

    def to_python(self, value: str | None) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class AgentForm(ServiceForm):
    system_prompt = ProseField(max_length=100_000, help_text="Its instructions, given to the model word for word.")
    persona = ProseField(max_length=20_000, help_text="How it is, in sentences.")
    traits = LinesField(required=False, help_text="One a line.")
    tags = LinesField(required=False, help_text="One a line.")

    def clean_settings(self) -> Any:
        return self.cleaned_data["settings"] or {}


class RevisionInline(LatestInline):
    model = AgentRevision
    verbose_name_plural = "latest revisions"
    fields = ["number", "at", "user", "door", "changes"]
    ordering = ["-number"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user")


@admin.register(Agent)
class AgentAdmin(ServiceAdmin):
    form = AgentForm
    list_display = ["name", "role", "status", "provider", "model", "owner", "visibility", "updated_at"]
    list_filter = ["status", "visibility"]
    list_select_related = ["owner"]
    sortable_by = ["name", "updated_at"]
    search_fields = ["name", "role"]
    search_help_text = "Beginnings of words of the name or the role."
    fields = [*FIELDS, "owner", "created_at", "updated_at"]
    readonly_fields = ["owner", "created_at", "updated_at"]
    inlines = [RevisionInline]

    def create(self, actor: Actor, values: dict[str, Any]) -> Agent:
        return create_agent(actor=actor, **{field: values[field] for field in FIELDS})

    def update(self, actor: Actor, thing: Agent, values: dict[str, Any], changed: Iterable[str]) -> Agent:
        return update_agent(actor=actor, agent=thing, **{field: values[field] for field in changed})

    def delete(self, request: HttpRequest, thing: Agent) -> None:
        name, key = thing.name, thing.pk
        delete_agent(actor=self.actor(request), agent=thing)
        if Agent.objects.filter(pk=key).exists():
            told = f"{name} has runs or messages. It was archived, so that they stay readable."
            self.message_user(request, told, messages.WARNING)
            request.archived = True

    def message_user(self, request: HttpRequest, message: Any, level: Any = messages.INFO, *more: Any, **named: Any):
        """Django tells of a deletion, also where it was none."""
        if level != messages.SUCCESS or not getattr(request, "archived", False):
            super().message_user(request, message, level, *more, **named)
