"""A reply of the chat completions API, put together from the chunks of its stream."""

from collections.abc import Iterator
from typing import Any

import msgspec

from agents.providers.base import Account, ModelEvent, ReasoningDelta, Reply, TextDelta, ToolCall, Usage
from agents.providers.errors import failed_in_stream
from agents.providers.turns import ToolNames, read_call

STOP_REASONS = {
    "stop": "end",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "refusal",
}


class FunctionDelta(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: FunctionDelta | None = None
    extra_content: Any = None
    """Google's endpoint puts the signature of its thinking here."""


class Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None


class Choice(msgspec.Struct):
    delta: Delta | None = None
    finish_reason: str | None = None


class InputDetails(msgspec.Struct):
    cached_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None


class Chunk(msgspec.Struct):
    choices: list[Choice] | None = None
    usage: WireUsage | None = None
    error: Any = None


class PartialCall(msgspec.Struct):
    id: str = ""
    name: str = ""
    arguments: str = ""
    extra_content: Any = None


decode_chunk = msgspec.json.Decoder(Chunk).decode


def native_format(model: str) -> str:
    return f"openai:{model}"


class StreamedReply:
    """A reply that grows with each chunk. It is whole once its stop reason is known; its usage may come later."""

    def __init__(self, account: Account, model: str, names: ToolNames) -> None:
        self.account = account
        self.model = model
        self.names = names
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls: dict[int, PartialCall] = {}
        self.refused = False
        self.usage = WireUsage()
        self.stop_reason = ""

    def read(self, chunk: Chunk) -> Iterator[ModelEvent]:
        if chunk.error:
            raise failed_in_stream(self.account, {"error": chunk.error}, mendable=is_mendable(chunk.error))
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices or []:
            if choice.delta:
                yield from self.extend(choice.delta)
            self.stop_reason = choice.finish_reason or self.stop_reason

    def extend(self, delta: Delta) -> Iterator[ModelEvent]:
        if thought := delta.reasoning_content or delta.reasoning:
            self.reasoning.append(thought)
            yield ReasoningDelta(thought)
        if text := delta.content or delta.refusal:
            self.refused = self.refused or bool(delta.refusal)
            self.text.append(text)
            yield TextDelta(text)
        for part in delta.tool_calls or []:
            self.extend_call(part)

    def extend_call(self, part: CallDelta) -> None:
        """Pieces of parallel calls are told apart by their index. Servers that leave it out send whole calls, each with
        an id."""
        index = part.index if part.index is not None else len(self.calls) - (0 if part.id or not self.calls else 1)
        call = self.calls.setdefault(index, PartialCall())
        call.id = call.id or part.id or ""
        call.extra_content = part.extra_content or call.extra_content
        if part.function:
            call.name = call.name or part.function.name or ""
            call.arguments += part.function.arguments or ""

    def whole(self) -> Reply:
        partial = [self.calls[index] for index in sorted(self.calls)]
        calls = [
            read_call(id=call.id or f"call-{number}", name=self.names.from_wire(call.name), arguments=call.arguments)
            for number, call in enumerate(partial, 1)
        ]
        reason = STOP_REASONS.get(self.stop_reason, self.stop_reason)
        if reason == "end" and (calls or self.refused):
            reason = "tool_calls" if calls else "refusal"
        return Reply(
            text="".join(self.text),
            reasoning="".join(self.reasoning),
            tool_calls=calls,
            usage=to_usage(self.usage),
            stop_reason=reason,
            native=self.to_native(calls, [call.extra_content for call in partial]),
            native_format=native_format(self.model),
        )

    def to_native(self, calls: list[ToolCall], extras: list[Any]) -> dict[str, Any] | None:
        """What some servers want back together with tool calls: the reasoning that led to them, signatures."""
        if not calls or not (self.reasoning or any(extras)):
            return None
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.text) or None}
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)
        message["tool_calls"] = [to_wire_call(call, self.names) for call in calls]
        for wire_call, extra in zip(message["tool_calls"], extras, strict=True):
            if extra:
                wire_call["extra_content"] = extra
        return message


def is_mendable(error: Any) -> bool:
    """Whether an error in the middle of a stream may go away: rate limits and faults of the server do."""
    code = error.get("code") or error.get("type") if isinstance(error, dict) else None
    return not (isinstance(code, int) and 400 <= code < 500 and code != 429) and code != "invalid_request_error"


def to_usage(usage: WireUsage) -> Usage:
    details, output_details = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        input=usage.prompt_tokens or 0,
        output=usage.completion_tokens or 0,
        cache_read=(details and details.cached_tokens) or 0,
        reasoning=(output_details and output_details.reasoning_tokens) or 0,
    )


def to_wire_call(call: ToolCall, names: ToolNames) -> dict[str, Any]:
    arguments = msgspec.json.encode(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": names.to_wire(call.name), "arguments": arguments}}
