from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.filters import RunFilters
from agents.models import Run
from agents.serializers import RunSerializer, StepSerializer
from agents.services.runs import cancel_run
from gathering_site.common.pagination import LogPagination
from gathering_site.common.views import Reading, ResourceViewSet
from gathering_site.events.views import Streaming


@extend_schema_view(retrieve=extend_schema(summary="Get a run"))
class RunViewSet(Reading, Streaming, ResourceViewSet):
    queryset = Run.objects.all()
    serializer_class = RunSerializer
    filterset_class = RunFilters
    pagination_class = LogPagination
    newest_first = True
    topic = "runs"
    on_loop = {"retrieve": "retrieve_on_loop"}

    @extend_schema(summary="List runs, newest first")
    def list(self, request: Request) -> Response:
        return self.log_of(self.visible())

    @extend_schema(summary="List a run's steps", responses=StepSerializer(many=True))
    @action(detail=True, filterset_class=None, serializer_class=StepSerializer, log_column="number", newest_first=False)
    def steps(self, request: Request, pk: int) -> Response:
        return self.log_of(self.get_object().steps.all())

    @extend_schema(
        summary="Cancel a run",
        description="What was written stays, marked as cut.",
        request=None,
        responses=RunSerializer,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        return self.show(cancel_run(actor=self.actor, run=self.get_object()))
