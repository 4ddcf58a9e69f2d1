from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from agents.models import Run, RunStep
from agents.services.runs import cancel_run
from gathering_site.common.admin import LatestInline, ReadOnly, ServiceAdmin
from gathering_site.common.errors import Conflict


class StepInline(LatestInline):
    model = RunStep
    verbose_name_plural = "latest steps"
    fields = ["number", "kind", "state", "text", "tool", "arguments", "stop_reason", "usage", "finished_at"]
    ordering = ["-number"]


@admin.register(Run)
class RunAdmin(ReadOnly, ServiceAdmin):
    list_display = ["id", "agent", "user", "subject", "state", "cost", "created_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["agent", "user"]
    sortable_by = ["id"]
    search_fields = ["subject"]
    search_help_text = "A whole subject, such as conversations/12."
    fields = [field.name for field in Run._meta.fields if field.name != "id"]
    inlines = [StepInline]
    actions = ["cancel"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, term: str) -> tuple[QuerySet, bool]:
        return queryset.filter(subject=term.strip()) if term else queryset, False

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("agents.change_run")

    @admin.action(permissions=["cancel"], description="Cancel selected runs")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> Any:
        cancelled = 0
        for run in queryset.order_by("pk"):
            try:
                cancel_run(actor=self.actor(request), run=run)
                cancelled += 1
            except Conflict:
                continue  # It has ended already.
        self.message_user(request, f"{cancelled} cancelled; the others had ended.", messages.SUCCESS)
