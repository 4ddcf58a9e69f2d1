"""A reply of Ollama, put together from the lines of its stream."""

import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

from agents.providers.base import Account, ModelEvent, ReasoningDelta, Reply, TextDelta, ToolCall, Usage
from agents.providers.errors import failed_in_stream
from agents.providers.turns import ToolNames

STOP_REASONS = {"stop": "end", "length": "length"}


class Function(msgspec.Struct):
    name: str = ""
    arguments: dict[str, Any] | None = None


class WireCall(msgspec.Struct):
    function: Function


class Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[WireCall] | None = None


class Line(msgspec.Struct):
    message: Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: str | None = None


decode_line = msgspec.json.Decoder(Line).decode


def native_format(model: str) -> str:
    return f"ollama:{model}"


class StreamedReply:
    """A reply that grows with each line. It is whole once its stop reason is known."""

    def __init__(self, account: Account, model: str, names: ToolNames) -> None:
        self.account = account
        self.model = model
        self.names = names
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls: list[ToolCall] = []
        self.usage = Usage()
        self.stop_reason = ""

    def read(self, line: Line) -> Iterator[ModelEvent]:
        if line.error:
            raise failed_in_stream(self.account, line.error, mendable=True)
        if line.message:
            yield from self.extend(line.message)
        if line.done:
            self.usage = Usage(input=line.prompt_eval_count or 0, output=line.eval_count or 0)
            self.stop_reason = line.done_reason or "stop"

    def extend(self, message: Message) -> Iterator[ModelEvent]:
        if message.thinking:
            self.reasoning.append(message.thinking)
            yield ReasoningDelta(message.thinking)
        if message.content:
            self.text.append(message.content)
            yield TextDelta(message.content)
        for call in message.tool_calls or []:
            name = self.names.from_wire(call.function.name)
            # Ollama names no ids. Random ones are never those of an earlier reply.
            self.calls.append(ToolCall(f"call-{secrets.token_hex(6)}", name, call.function.arguments or {}))

    def whole(self) -> Reply:
        reason = STOP_REASONS.get(self.stop_reason, self.stop_reason)
        reasoning = "".join(self.reasoning)
        return Reply(
            text="".join(self.text),
            reasoning=reasoning,
            tool_calls=self.calls,
            usage=self.usage,
            stop_reason="tool_calls" if self.calls and reason == "end" else reason,
            # What led to its tool calls is shown to the model again; other thoughts are not wanted back.
            native={"thinking": reasoning} if self.calls and reasoning else None,
            native_format=native_format(self.model),
        )
