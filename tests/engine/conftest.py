"""A model that is a script, and a journal that is a list: the engine needs no server."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from agents.engine.flusher import Delta, Flusher
from agents.engine.run import Round, Work, open_stream, perform
from agents.engine.settings import AgentSettings
from agents.engine.tools import Tool
from agents.providers.base import (
    ModelEvent,
    ModelRequest,
    Reply,
    TextDelta,
    ToolCall,
    ToolResult,
    Usage,
    UserTurn,
)


class ScriptedProvider:
    """Answers each call with the next item of its script: a Reply, streamed a word at a time, or an error after some
    text."""

    def __init__(self, *script: Reply | tuple[str, Exception]) -> None:
        self.script = list(script)
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        item = self.script.pop(0)
        text = item.text if isinstance(item, Reply) else item[0]
        for word in text.split(" ") if text else []:
            yield TextDelta(word if text.startswith(word) else f" {word}")
        if not isinstance(item, Reply):
            raise item[1]
        yield item


class ListJournal:
    def __init__(self) -> None:
        self.entries: list[Reply | ToolCall | ToolResult] = []
        self.replies = 0

    async def store_reply(self, reply: Reply, *, before: int, seconds: float) -> None:
        assert before == self.replies
        self.replies += 1
        self.entries.append(reply)

    async def start_tool(self, call: ToolCall) -> None:
        self.entries.append(call)

    async def finish_tool(self, result: ToolResult) -> None:
        self.entries.append(result)


class Stage:
    """One run of a script against tools, with what came of it."""

    def __init__(self) -> None:
        self.journal = ListJournal()
        self.published: list[Delta] = []
        self.flusher = Flusher(self.publish)
        self.tools: dict[str, Tool] = {}
        self.bounds = AgentSettings().bounds
        self.price = Decimal(0)

    async def publish(self, deltas: list[Delta]) -> set[int]:
        self.published += deltas
        return set()

    async def run(self, provider: ScriptedProvider, *, rounds: list[Round] | None = None) -> str:
        work = Work(
            run=1,
            claim=1,
            topics=("runs/1",),
            message=1,
            request=ModelRequest(model="m", turns=[UserTurn("hello")]),
            bounds=self.bounds,
            rounds=rounds or [],
            price=lambda usage: self.price,
            tools=self.tools,
        )
        self.journal.replies = len(work.rounds)
        self.stream = open_stream(work)
        await perform(
            work,
            provider=provider,
            journal=self.journal,
            flusher=self.flusher,
            stream=self.stream,
        )
        return self.stream.text


@pytest.fixture
def stage() -> Stage:
    return Stage()


def calling(*names: str, text: str = "") -> Reply:
    calls = [ToolCall(id=f"call-{number}", name=name, arguments={}) for number, name in enumerate(names)]
    return Reply(text=text, tool_calls=calls, stop_reason="tool_calls", usage=Usage(input=10, output=5))
