"""What every request passes, first and last of all."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

SLASHED = ("/admin/", "/static/")


def prepare_request(request: HttpRequest) -> None:
    """Gives the request an id, which is in the log and in a 500's answer; and makes a trailing slash mean nothing,
    except where Django's own addresses have one."""
    request.id = secrets.token_hex(8)
    if request.path_info.endswith("/") and not request.path_info.startswith(SLASHED):
        request.path_info = request.path_info[:-1] or "/"


def finish_answer(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response.headers["X-Request-ID"] = request.id
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    if not response.streaming and response.content:  # Else it is sent in chunks.
        response.headers.setdefault("Content-Length", str(len(response.content)))
    return response


def prepare(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Both, as Django's middleware."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not hasattr(request, "id"):
            prepare_request(request)
        return finish_answer(request, get_response(request))

    return middleware
