from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from conversations.models import Conversation, Message
from gathering_site.common.admin import LatestInline, ReadOnly, ServiceAdmin


class MessageInline(LatestInline):
    model = Message
    verbose_name_plural = "latest messages"
    fields = ["created_at", "user", "agent", "text", "state"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user", "agent")


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, ServiceAdmin):
    list_display = ["__str__", "owner", "status", "visibility", "created_at", "updated_at"]
    list_filter = ["status", "visibility"]
    list_select_related = ["owner"]
    sortable_by = ["created_at", "updated_at"]
    search_fields = ["title"]
    search_help_text = "Beginnings of words of the title."
    fields = ["title", "owner", "status", "visibility", "seated", "created_at", "updated_at"]
    readonly_fields = ["seated"]
    inlines = [MessageInline]

    @admin.display(description="agents")
    def seated(self, conversation: Conversation) -> str:
        seated: QuerySet = conversation.participants.select_related("agent")
        return ", ".join(participant.agent.name for participant in seated)
