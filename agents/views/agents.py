from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.events import agent_data
from agents.filters import AgentFilters
from agents.models import Agent
from agents.serializers import AgentDetailsSerializer, AgentSerializer, RevisionSerializer
from agents.services.agents import (
    create_agent,
    default_values,
    delete_agent,
    history_of,
    restore_agent,
    update_agent,
)
from gathering_site.common.views import Reading, ResourceViewSet
from gathering_site.events.views import Streaming

REVISION = OpenApiParameter("revision", int, OpenApiParameter.PATH)


@extend_schema_view(list=extend_schema(summary="List agents"), retrieve=extend_schema(summary="Get an agent"))
class AgentViewSet(Reading, Streaming, ResourceViewSet):
    queryset = Agent.objects.order_by("pk")
    serializer_class = AgentSerializer
    filterset_class = AgentFilters
    topic = "agents"

    @extend_schema(
        summary="Create a new agent",
        description="A persona with a provider, a model, settings and a system prompt. It belongs to who makes it.",
    )
    def create(self, request: Request) -> Response:
        return self.show(create_agent(actor=self.actor, **self.read_body(AgentSerializer)), status=201)

    @extend_schema(summary="Change an agent")
    def partial_update(self, request: Request, pk: int) -> Response:
        return self.change(self.get_object(), self.read_body(AgentSerializer, partial=True))

    @extend_schema(summary="Replace an agent", description="Fields that are not given get their defaults.")
    def update(self, request: Request, pk: int) -> Response:
        return self.change(self.get_object(), default_values() | self.read_body(AgentSerializer))

    def change(self, agent: Agent, changes: dict[str, Any]) -> Response:
        return self.show(update_agent(actor=self.actor, agent=agent, **changes))

    @extend_schema(
        summary="Delete an agent", description="One with runs or messages is archived, so that history stays readable."
    )
    def destroy(self, request: Request, pk: int) -> Response:
        delete_agent(actor=self.actor, agent=self.get_object())
        return Response(status=204)

    @extend_schema(summary="Get an agent's details", responses=AgentDetailsSerializer)
    @action(detail=True)
    def details(self, request: Request, pk: int) -> Response:
        return Response({"agent": agent_data(self.get_object())})

    @extend_schema(summary="List an agent's revisions, newest first", responses=RevisionSerializer(many=True))
    @action(detail=True, filterset_class=None, serializer_class=RevisionSerializer)
    def history(self, request: Request, pk: int) -> Response:
        return self.list_of(self.filter_queryset(history_of(actor=self.actor, agent=self.get_object())))

    @extend_schema(
        summary="Restore an agent as it was after a revision",
        request=None,
        responses=AgentSerializer,
        parameters=[REVISION],
    )
    @action(detail=True, methods=["post"], url_path="history/(?P<revision>[^/]+)/restore")
    def restore(self, request: Request, pk: int, revision: int) -> Response:
        agent = self.get_object()
        found = self.find(history_of(actor=self.actor, agent=agent), number=self.kwargs["revision"])
        return self.show(restore_agent(actor=self.actor, agent=agent, revision=found))
