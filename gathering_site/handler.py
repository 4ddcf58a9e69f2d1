"""How an HTTP request reaches its view.

Django's own ASGI handler makes a thread a request, sends two signals through threads and hops once more to close. Here
a REST request is recognized, routed and, where its view can, read on the event loop; all else has one hop into a thread
of a fixed pool. Pages go through Django's middleware, which REST needs nothing of. Answers that take their time
(streams, `LaterResponse`) go on in the event loop and hold neither a thread nor a database connection."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.cache import close_caches
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import convert_exception_to_response
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, get_resolver

from gathering_site.common.authentication import recognize
from gathering_site.common.error_answers import plain_answer
from gathering_site.common.later import LaterResponse
from gathering_site.common.middleware import finish_answer, prepare_request
from gathering_site.common.threads import in_thread

# Threads give their connections back themselves, and the event loop has none: to look for them there takes as long as
# to recognize who asks.
request_finished.disconnect(close_old_connections)
request_finished.disconnect(close_caches)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Handler(ASGIHandler):
    def __init__(self) -> None:
        super(ASGIHandler, self).__init__()
        self.load_middleware(is_async=False)
        self.answer_rest = convert_exception_to_response(self.call_rest_view)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        if body is None:
            await self.send_response(plain_answer(413, f"The body is over {settings.MAXIMUM_BODY} bytes."), send)
            return
        request, error = self.create_request(scope, body)
        response = error or await self.answer(read_whole(request, body))
        if response.streaming or isinstance(response, LaterResponse):
            await self.while_connected(self.finish(request, response, send), receive)
        else:
            await self.send_response(response, send)
        response.close()

    async def answer(self, request: HttpRequest) -> HttpResponseBase:
        prepare_request(request)
        try:
            request.resolver_match = get_resolver().resolve(request.path_info)
        except Resolver404:
            request.resolver_match = None
        if request.resolver_match and hasattr(request.resolver_match.func, "cls"):
            return finish_answer(request, await self.answer_rest(request))
        return await in_thread(self.get_response, request)

    async def call_rest_view(self, request: HttpRequest) -> HttpResponseBase:
        request.get_host()  # Refuses a host that is not ours.
        match: ResolverMatch = request.resolver_match
        view = match.func
        await recognize(request)
        if request.method == "GET" and getattr(request, "token", None):
            action = getattr(view, "actions", {}).get("get")
            if action in getattr(view.cls, "on_loop", ()):
                reading = view.cls(**view.initkwargs)
                reading.action_map, reading.action = view.actions, action
                return await reading.answer_on_loop(request, *match.args, **match.kwargs)
        return await in_thread(call_and_render, view, request, match)

    async def finish(self, request: HttpRequest, response: HttpResponseBase, send: Send) -> None:
        if isinstance(response, LaterResponse):
            response = finish_answer(request, await convert_exception_to_response(response.arrive)(request))
        await self.send_response(response, send)

    async def while_connected(self, work: Any, receive: Receive) -> None:
        """Does the work until it is done or the client is gone."""
        answering, leaving = asyncio.ensure_future(work), asyncio.ensure_future(receive())
        try:
            await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            answering.cancel()  # Does nothing to one that is done.
            await asyncio.wait([answering])
        if not answering.cancelled():
            answering.result()

    async def read_body(self, receive: Receive) -> Any:
        """The whole body as a file; None when it is too large. What is over the bound is read and thrown away, so that
        the client can read the answer."""
        body = bytearray()
        more, fits = True, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            if fits := fits and len(body) + len(message.get("body", b"")) <= settings.MAXIMUM_BODY:
                body += message.get("body", b"")
            more = message.get("more_body", False)
        return io.BytesIO(body) if fits else None


def read_whole(request: HttpRequest, body: io.BytesIO) -> HttpRequest:
    """The request with its body in memory, so that each may read it (CSRF a form, REST JSON, idempotency the bytes),
    and with its length, which does not come with a body in chunks."""
    request.META["CONTENT_LENGTH"] = str(body.getbuffer().nbytes)
    _ = request.body
    return request


def call_and_render(view: Callable[..., Any], request: HttpRequest, match: ResolverMatch) -> HttpResponseBase:
    response = view(request, *match.args, **match.kwargs)
    return response.render() if hasattr(response, "render") else response
