"""What all pages of the admin share, and those of users and tokens."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from gathering_site.common.actors import Actor
from gathering_site.common.errors import DomainError, Forbidden
from gathering_site.common.models import Token, User
from gathering_site.common.tokens import create_token, find_token

admin.site.site_header = admin.site.site_title = "Gathering"
admin.site.index_title = "Administration"
admin.site.site_url = None  # There is no page to go back to.

MOST_COUNTED = 10_000
TOKEN_MADE = "The token is <code>{}</code>. It is not shown again."
LATEST = 50
"""Rows of a part that grows (messages, steps, revisions) that a page shows."""


class BoundedPaginator(Paginator):
    """Counts no further than anybody would turn pages: the cost must not grow with the table."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MOST_COUNTED].count()


class LatestFormSet(forms.BaseInlineFormSet):
    def get_queryset(self) -> QuerySet:
        if not hasattr(self, "_queryset"):
            self._queryset = super().get_queryset()[:LATEST]
        return self._queryset


class ReadOnly:
    """Only to be looked at."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class LatestInline(ReadOnly, admin.TabularInline):
    """The latest rows of a part, only to be looked at."""

    formset = LatestFormSet
    extra = 0

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return self.fields or ()


class ServiceForm(forms.ModelForm):
    """Shows what a service refused, beside the field that it is about. `fields_of_errors` holds the fields that have
    another name in the form."""

    refusal: DomainError | None = None
    fields_of_errors: dict[str, str] = {}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.refusal:
            field = self.fields_of_errors.get(self.refusal.field or "", self.refusal.field)
            self.add_error(field if field in self.fields else None, self.refusal.message)
        return cleaned


class ServiceAdmin(admin.ModelAdmin):
    """Shows what a user may see, lets them change what they may change, and does it through the services. A subclass
    whose things can be changed overrides `create`, `update` and `delete`; a search needs the query set's `search`."""

    form = ServiceForm
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    ordering: Sequence[str] | None = ("-pk",)

    def create(self, actor: Actor, values: dict[str, Any]) -> Model:
        raise NotImplementedError

    def update(self, actor: Actor, thing: Any, values: dict[str, Any], changed: Iterable[str]) -> Model:
        raise NotImplementedError

    def delete(self, request: HttpRequest, thing: Any) -> None:
        raise NotImplementedError

    def actor(self, request: HttpRequest) -> Actor:
        return Actor(user=request.user, door="admin")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).visible_to(request.user)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, term: str) -> tuple[QuerySet, bool]:
        return queryset.search(term) if term else queryset, False

    def may_change(self, request: HttpRequest, thing: Model | None) -> bool:
        return thing is None or self.model.objects.changeable_by(request.user).filter(pk=thing.pk).exists()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and self.may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self.may_change(request, obj)

    def get_inline_instances(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return super().get_inline_instances(request, obj) if obj else []

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        form.refusal = getattr(request, "refusal", None)
        return form

    def changeform_view(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        """A service that refuses has changed nothing: its transaction is over. The form then comes again with what was
        typed and the refusal."""
        try:
            return super().changeform_view(request, *arguments, **options)
        except DomainError as error:
            request.refusal = error
            return super().changeform_view(request, *arguments, **options)

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        if change:
            saved = self.update(self.actor(request), obj, form.cleaned_data, form.changed_data)
        else:
            saved = self.create(self.actor(request), form.cleaned_data)
        obj.__dict__.update(saved.__dict__)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(name, args=[object_id]))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        deleting = request.POST.get("action") == "delete_selected"
        try:
            with transaction.atomic() if deleting else nullcontext():
                return super().changelist_view(request, extra_context)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self.delete(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        """All or none, locked in the order of their ids, so that two people who do this do not wait for each other."""
        for thing in queryset.order_by("pk"):
            self.delete(request, thing)

    def get_deleted_objects(self, objs: Iterable[Model], request: HttpRequest) -> tuple[list, dict, set, list]:
        """What else goes with them is the services' affair, and not counted here."""
        names = [str(thing) for thing in objs]
        refused = {thing._meta.verbose_name for thing in objs if not self.has_delete_permission(request, thing)}
        return names, {self.opts.verbose_name_plural: len(names)}, refused, []


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    search_fields = ["username__startswith"]
    search_help_text = "The beginning of a user name."
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_filter = ["is_staff", "is_superuser", "is_active"]
    list_display = ["username", "email", "is_active", "is_staff", "is_superuser", "last_login"]


@admin.register(Token)
class TokenAdmin(ServiceAdmin):
    """Deleting one revokes it. A person gives out tokens of their own, an administrator also those of others."""

    list_display = ["__str__", "user", "created", "expiry"]
    list_display_links = ["__str__"]
    list_select_related = ["user"]
    sortable_by: Sequence[str] = []
    fields = ["name", "user", "expiry", "created"]
    readonly_fields = ["created"]
    autocomplete_fields = ["user"]
    search_fields = ["user__username__exact"]
    search_help_text = "A whole user name."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        tokens = admin.ModelAdmin.get_queryset(self, request)
        return tokens if request.user.is_superuser else tokens.filter(user=request.user)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, term: str) -> tuple[QuerySet, bool]:
        return admin.ModelAdmin.get_search_results(self, request, queryset, term)

    def may_change(self, request: HttpRequest, thing: Model | None) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Token, form: forms.ModelForm, change: bool) -> None:
        values = form.cleaned_data
        if values["user"] != request.user and not request.user.is_superuser:
            raise Forbidden("Only an administrator can make tokens of other people's.", field="user")
        text = create_token(user=values["user"], name=values["name"], expiry=values["expiry"])
        token = find_token(text)
        obj.__dict__.update(token.__dict__)
        self.message_user(request, format_html(TOKEN_MADE, text), messages.WARNING)

    def delete(self, request: HttpRequest, thing: Token) -> None:
        thing.delete()
