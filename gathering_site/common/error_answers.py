"""The one place that turns an error into a REST answer.

401, 403, 404, 405, 406, 413, 415: `{"detail"}`. 409 and 422: `{"error": one sentence, "detail": [{"loc", "msg",
"type"}]}`. 500: `{"detail"}` with the request's id and nothing else."""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from gathering_site.common.errors import Conflict, DomainError
from gathering_site.common.json_format import ENCODER

logger = logging.getLogger(__name__)

Loc = tuple[str | int, ...]


class InvalidParameter(exceptions.ValidationError):
    """A part of the query, or of the path, that does not fit."""

    def __init__(self, detail: Any, *, place: str = "query", code: str | None = None) -> None:
        super().__init__(detail, code)
        self.place = place


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:  # noqa: PLR0911 a table
    """REST framework's exception handler; None leaves an unexpected error to the 500 answer."""
    match error:
        case DomainError():
            return answer_domain_error(error)
        case exceptions.ValidationError():
            return unprocessable(list(faults(error.detail, (getattr(error, "place", "body"),))))
        case exceptions.ParseError():
            return unprocessable([fault(("body",), str(error.detail), "json_invalid")])
        case Http404():
            return Response({"detail": str(error) or "Not found"}, status=404)
        case PermissionDenied():
            return Response({"detail": str(error) or "This is not allowed."}, status=403)
        case IntegrityError():
            # Two requests met: a row that this one builds on was removed, or one like it was made, in the meantime.
            logger.info("A write was refused by the database: %s", error)
            return answer_domain_error(Conflict("Something this refers to has just changed; look again and retry."))
        case exceptions.APIException():
            return Response({"detail": str(error.detail)}, status=error.status_code, headers=headers_of(error))
    return None


def headers_of(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def answer_domain_error(error: DomainError) -> Response:
    if error.status in (409, 422):
        loc = (error.place, error.field) if error.field else (error.place,)
        return Response({"error": error.message, "detail": [fault(loc, error.message, error.type)]}, error.status)
    return Response({"detail": error.message}, error.status)


def unprocessable(found: list[dict[str, Any]]) -> Response:
    first = found[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return Response({"error": f"{place}: {first['msg']}" if place else first["msg"], "detail": found}, status=422)


def fault(loc: Loc, message: str, type: str) -> dict[str, Any]:
    return {"loc": list(loc), "msg": message, "type": type}


def faults(detail: Any, loc: Loc) -> Iterator[dict[str, Any]]:
    """Flattens what serializers collect, nested by field and by place in a list."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from faults(inner, loc if key == "non_field_errors" else (*loc, key))
    elif isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        for place, inner in enumerate(detail):
            yield from faults(inner, (*loc, place))
    elif isinstance(detail, list):
        for inner in detail:
            yield from faults(inner, loc)
    else:
        yield fault(loc, str(detail), getattr(detail, "code", "value_error"))


def plain_answer(status: int, detail: str) -> HttpResponse:
    return HttpResponse(ENCODER.encode({"detail": detail}), status=status, content_type="application/json")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer where no path fits."""
    return plain_answer(404, "Not found")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(
        ENCODER.encode({"detail": "The request is malformed."}), status=400, content_type="application/json"
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """The answer to an unexpected error. Django logs the traceback right after this."""
    identifier = getattr(request, "id", "unknown")
    logger.error("Request %s, %s %s, failed:", identifier, request.method, request.path)
    return plain_answer(500, f"Something went wrong on the server; its log has it under request {identifier}.")
