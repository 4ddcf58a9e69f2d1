from django.db.models import QuerySet
from django_filters import CharFilter, ChoiceFilter, FilterSet, NumberFilter

from agents.choices import AgentStatus, ProviderKind, RunState
from agents.models import Agent, Provider, Run
from gathering_site.common.filters import Ordering


class AgentFilters(FilterSet):
    status = ChoiceFilter(choices=AgentStatus.choices)
    provider = CharFilter(help_text="A kind or a provider's name.")
    model = CharFilter()
    tag = CharFilter(field_name="tags", lookup_expr="contains", method="tagged")
    search = CharFilter(method="find", help_text="Beginnings of words of the name or the role.")
    ordering = Ordering(fields=["name", "created_at", "updated_at", "id"])

    class Meta:
        model = Agent
        fields: list[str] = []

    def tagged(self, agents: QuerySet, name: str, tag: str) -> QuerySet:
        return agents.filter(tags__contains=[tag])

    def find(self, agents: QuerySet, name: str, text: str) -> QuerySet:
        return agents.search(text)


class ProviderFilters(FilterSet):
    kind = ChoiceFilter(choices=ProviderKind.choices)
    search = CharFilter(method="find", help_text="Beginnings of words of the name.")
    ordering = Ordering(fields=["name", "created_at", "updated_at", "id"])

    class Meta:
        model = Provider
        fields: list[str] = []

    def find(self, providers: QuerySet, name: str, text: str) -> QuerySet:
        return providers.search(text)


class RunFilters(FilterSet):
    agent = NumberFilter(field_name="agent_id")
    state = ChoiceFilter(choices=RunState.choices)
    conversation = NumberFilter(method="of_conversation")

    class Meta:
        model = Run
        fields: list[str] = []

    def of_conversation(self, runs: QuerySet, name: str, identifier: int) -> QuerySet:
        return runs.filter(subject=f"conversations/{identifier}")
