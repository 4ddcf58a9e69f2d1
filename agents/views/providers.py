from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.filters import ProviderFilters
from agents.models import Provider
from agents.serializers import ProviderSerializer, ProviderTestSerializer, TestOutcomeSerializer
from agents.services.provider_calls import Call, prepare_model_list, prepare_test
from agents.services.providers import create_provider, delete_provider, update_provider
from gathering_site.common.later import LaterResponse
from gathering_site.common.views import Reading, ResourceViewSet

DEFAULTS: dict[str, Any] = {"base_url": "", "settings": {}}


@extend_schema_view(
    list=extend_schema(
        summary="List providers", description="One's own and the server's; administrators see all. Never their keys."
    ),
    retrieve=extend_schema(summary="Get a provider", description="`has_key` says whether a key is kept for it."),
)
class ProviderViewSet(Reading, ResourceViewSet):
    queryset = Provider.objects.without_keys().order_by("pk")
    serializer_class = ProviderSerializer
    filterset_class = ProviderFilters

    @extend_schema(
        summary="Add a provider",
        description="An account at a place where models are served. An administrator's is the server's own, for "
        "everybody's agents. One that is named like a kind is that kind's default.",
    )
    def create(self, request: Request) -> Response:
        return self.show(create_provider(actor=self.actor, **self.read_body(ProviderSerializer)), status=201)

    @extend_schema(
        summary="Change a provider", description="A new base_url or kind needs the key again, unless there is none."
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        return self.change(self.get_object(), self.read_body(ProviderSerializer, partial=True))

    @extend_schema(
        summary="Replace a provider",
        description="base_url and settings that are not given get their defaults; a key that is not given stays.",
    )
    def update(self, request: Request, pk: int) -> Response:
        return self.change(self.get_object(), DEFAULTS | self.read_body(ProviderSerializer))

    def change(self, provider: Provider, changes: dict[str, Any]) -> Response:
        return self.show(update_provider(actor=self.actor, provider=provider, **changes))

    @extend_schema(summary="Remove a provider", description="Refused while an agent that is not archived names it.")
    def destroy(self, request: Request, pk: int) -> Response:
        delete_provider(actor=self.actor, provider=self.get_object())
        return Response(status=204)

    @extend_schema(
        summary="Test a provider",
        description="Asks a model for one word: a real call, of at most 10 seconds. Asks anew each time, whatever the "
        "Idempotency-Key.",
        request=ProviderTestSerializer,
        responses=TestOutcomeSerializer,
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: int) -> Response:
        return self.try_out(self.read_body(ProviderTestSerializer).get("model", ""))

    def try_out(self, model: str) -> Response:
        test = prepare_test(actor=self.actor, provider=self.get_object(), model=model)
        return LaterResponse({"model": model}, wait=lambda: answered(test))

    def answer_again(self, data: Any, status: int) -> Response:
        return self.try_out(data["model"]) if self.action == "test" else super().answer_again(data, status)

    @extend_schema(
        summary="List a provider's models",
        description="A real call, of at most 10 seconds.",
        responses=OpenApiResponse(
            {"type": "array", "items": {"type": "string"}},
            "Their names, sorted.",
            [OpenApiExample("Models", ["gpt-4.1", "gpt-4.1-mini"])],
        ),
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def models(self, request: Request, pk: int) -> Response:
        listing = prepare_model_list(actor=self.actor, provider=self.get_object())
        return LaterResponse([], wait=lambda: answered(listing))


async def answered(call: Call[Any]) -> tuple[Any, int]:
    return await call(), 200
