from django.db.models import QuerySet
from django_filters import ChoiceFilter, FilterSet, NumberFilter

from conversations.choices import ConversationStatus
from conversations.models import Conversation
from gathering_site.common.filters import Ordering


class ConversationFilters(FilterSet):
    status = ChoiceFilter(choices=ConversationStatus.choices)
    agent = NumberFilter(method="with_agent", help_text="Those in which this agent takes part.")
    ordering = Ordering(fields=["title", "created_at", "updated_at", "id"])

    class Meta:
        model = Conversation
        fields: list[str] = []

    def with_agent(self, conversations: QuerySet, name: str, identifier: int) -> QuerySet:
        return conversations.filter(participants__agent_id=identifier)
