"""What every request passes, first of all."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

SLASHED = ("/admin/", "/static/")


def prepare_request(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable:
    """Gives the request an id, which is in the log and in a 500's answer; and makes a trailing slash mean nothing,
    except where Django's own addresses have one."""

    def prepare(request: HttpRequest) -> HttpResponseBase:
        request.id = secrets.token_hex(8)
        if request.path_info.endswith("/") and not request.path_info.startswith(SLASHED):
            request.path_info = request.path_info.rstrip("/") or "/"
        response = get_response(request)
        response.headers["X-Request-ID"] = request.id
        return response

    return prepare
