"""The server's paths, and one that fails."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gathering_site.urls import handler400, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


class Broken(APIView):
    def get(self, request: Request) -> Response:
        raise RuntimeError("a secret detail")


urlpatterns = [*urlpatterns, path("broken", Broken.as_view())]
