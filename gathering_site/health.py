from drf_spectacular.utils import OpenApiExample, OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

ALIVE = {"status": "ok"}


class Health(APIView):
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        summary="Whether the process is alive",
        description="It answers, and asks nobody else: neither the database nor the queue.",
        responses=OpenApiResponse(OpenApiTypes.OBJECT, examples=[OpenApiExample("Alive", ALIVE)]),
    )
    def get(self, request: Request) -> Response:
        return Response(ALIVE)
