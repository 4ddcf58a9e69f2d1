"""How an HTTP request reaches its view: one hop into a thread, and none back and forth.

Django's own ASGI handler makes a thread a request, sends two signals through threads and hops once more to close; here
the whole synchronous chain of middleware and view runs in one thread of a fixed pool. Answers that take their time
(streams, `LaterResponse`) go on in the event loop and hold neither a thread nor a database connection."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import connections
from django.http import HttpRequest, HttpResponseBase
from django.urls import set_script_prefix

from gathering_site.common.error_answers import plain_answer
from gathering_site.common.later import LaterResponse

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Handler(ASGIHandler):
    def __init__(self) -> None:
        super(ASGIHandler, self).__init__()
        self.load_middleware(is_async=False)
        self.threads = ThreadPoolExecutor(settings.REQUEST_THREADS, "request")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        if body is None:
            await self.send_response(plain_answer(413, f"The body is over {settings.MAXIMUM_BODY} bytes."), send)
            return
        request, error = self.create_request(scope, body)
        loop = asyncio.get_running_loop()
        response = error or await loop.run_in_executor(self.threads, self.respond, request)
        if response.streaming or isinstance(response, LaterResponse):
            await self.while_connected(self.finish(response, send), receive)
        else:
            await self.send_response(response, send)
        response.close()

    def respond(self, request: HttpRequest) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(request.scope))
        try:
            return self.get_response(request)
        finally:
            connections.close_all()  # Back to the pool.

    async def finish(self, response: HttpResponseBase, send: Send) -> None:
        await self.send_response(await response.arrive() if isinstance(response, LaterResponse) else response, send)

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
