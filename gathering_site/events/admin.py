from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from gathering_site.common.admin import BoundedPaginator, ReadOnly
from gathering_site.events.models import Event


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin):
    """The log tells of everybody's conversations, so it is the administrators'."""

    list_display = ["topic", "number", "kind", "at"]
    sortable_by: list[str] = []
    ordering = ["-pk"]
    search_fields = ["topic__exact"]
    search_help_text = "A whole topic, such as conversations/12."
    show_full_result_count = False
    paginator = BoundedPaginator

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)
