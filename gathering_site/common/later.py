"""Answers that take a while, without holding a thread or a database connection meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response

from gathering_site.common.error_answers import answer_error
from gathering_site.common.json_format import ENCODER


class LaterResponse(Response):
    """`data` (202) is what can be said now. The server awaits `wait` on its event loop and answers with the data and
    the status that it gives, or with the error that it raises; a door that cannot wait answers with what it has."""

    def __init__(self, data: Any, *, wait: Callable[[], Awaitable[tuple[Any, int]]]) -> None:
        super().__init__(data, status=202)
        self.wait = wait

    async def arrive(self, request: HttpRequest) -> HttpResponse:
        """Waits. Raises what was not expected: that is a 500."""
        try:
            data, status = await self.wait()
        except Exception as error:
            refusal = answer_error(error, {})
            if refusal is None:
                raise
            data, status = refusal.data, refusal.status_code
        return HttpResponse(ENCODER.encode(data), status=status, content_type="application/json")
