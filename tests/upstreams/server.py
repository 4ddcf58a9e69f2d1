"""What all stand-ins share: a server on a free port that gives the answers of its script and records what it was
asked."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import orjson
from aiohttp import web

Piece = bytes | Callable[[], bytes]


@dataclass
class Answer:
    """One answer. `delay` are the seconds before its first byte. `pieces` are sent one by one, `interval` seconds apart
    by the clock; a callable is called the moment it is sent. `ending` says what comes after the last one: the proper
    end, a cut connection, or silence for as long as the client waits."""

    pieces: Iterable[Piece]
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    interval: float = 0.0
    ending: Literal["end", "cut", "silence"] = "end"


@dataclass
class Recorded:
    path: str
    headers: Mapping[str, str]
    body: Any
    at: float
    """Seconds of the monotonic clock."""


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer([orjson.dumps(body)], status=status, headers=headers or {})


def retry_headers(retry_after: float | str | None) -> dict[str, str]:
    return {} if retry_after is None else {"Retry-After": str(retry_after)}


def words_of(text: str) -> Iterator[str]:
    for number, word in enumerate(text.split(" ") if text else []):
        yield f" {word}" if number else word


class Upstream:
    """`script` holds the next answers to questions to a model; when it is empty, `always` answers. `models` are listed
    by the path for that, unless `models_answer` stands for the list."""

    chat_path = ""
    models_path = ""
    base_path = ""

    def __init__(self, *, always: Callable[[], Answer] | None = None) -> None:
        self.script: list[Answer] = []
        self.always = always
        self.requests: list[Recorded] = []
        self.models = ["first-model", "second-model"]
        self.models_answer: Answer | None = None
        self.left = 0
        """How many clients went away before their answer was complete."""

    async def start(self, port: int = 0) -> None:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post(self.chat_path, self.answer_chat)
        application.router.add_get(self.models_path, self.answer_models)
        self.runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self.runner.setup()
        self.site = web.TCPSite(self.runner, "127.0.0.1", port)
        await self.site.start()
        self.port: int = self.runner.addresses[0][1]

    async def stop(self) -> None:
        await self.runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        """For tests without an event loop: it runs in a thread."""
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self.loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.stop(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_path}"

    async def record(self, request: web.Request) -> None:
        body = orjson.loads(data) if (data := await request.read()) else None
        self.requests.append(Recorded(request.path, request.headers, body, time.monotonic()))

    async def answer_chat(self, request: web.Request) -> web.StreamResponse:
        await self.record(request)
        if self.script:
            return await self.give(request, self.script.pop(0))
        if self.always:
            return await self.give(request, self.always())
        return web.json_response({"error": {"message": "The script is at its end."}}, status=418)

    async def answer_models(self, request: web.Request) -> web.StreamResponse:
        await self.record(request)
        return await self.give(request, self.models_answer or json_answer(self.model_list()))

    def model_list(self) -> Any:
        raise NotImplementedError

    async def give(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_type = answer.content_type
        try:
            await asyncio.sleep(answer.delay)
            await response.prepare(request)
            start = time.monotonic()
            for number, piece in enumerate(answer.pieces):
                if answer.interval:
                    await asyncio.sleep(max(0.0, start + number * answer.interval - time.monotonic()))
                await response.write(piece() if callable(piece) else piece)
            if answer.ending == "cut":
                request.transport.abort()
            elif answer.ending == "silence":
                await asyncio.Event().wait()
            await response.write_eof()
        except (asyncio.CancelledError, ConnectionError):
            self.left += 1
            raise
        return response
