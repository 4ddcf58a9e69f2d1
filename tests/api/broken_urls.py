"""The server's paths, and two that fail."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gathering_site.common.later import LaterResponse
from gathering_site.urls import handler400, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


class Broken(APIView):
    def get(self, request: Request) -> Response:
        raise RuntimeError("a secret detail")


class BrokenLater(APIView):
    def get(self, request: Request) -> LaterResponse:
        async def wait() -> tuple[str, int]:
            raise RuntimeError("a secret detail")

        return LaterResponse("soon", wait=wait)


urlpatterns = [*urlpatterns, path("broken", Broken.as_view()), path("broken-later", BrokenLater.as_view())]
