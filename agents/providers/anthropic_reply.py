"""A reply of Anthropic's messages API, put together from the events of its stream."""

from collections.abc import Iterator
from typing import Any

import msgspec

from agents.providers.base import Account, ModelEvent, ReasoningDelta, Reply, TextDelta, ToolCall, Usage
from agents.providers.errors import failed_in_stream
from agents.providers.turns import ToolNames, read_call

STOP_REASONS = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
MENDABLE = {"overloaded_error", "api_error", "rate_limit_error", "timeout_error"}


class Block(msgspec.Struct, omit_defaults=True):
    """A piece of a reply, as it goes back to the model unchanged. While it is being streamed, a tool call's input is
    collected in the pieces of its JSON."""

    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None


class Delta(msgspec.Struct):
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class OutputDetails(msgspec.Struct):
    thinking_tokens: int = 0


class WireUsage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None


class Start(msgspec.Struct):
    usage: WireUsage | None = None


class Event(msgspec.Struct):
    """Any event of the stream; the fields of those that we do not use are not decoded."""

    type: str
    index: int = 0
    message: Start | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: WireUsage | None = None
    error: dict[str, Any] | None = None


decode_event = msgspec.json.Decoder(Event).decode


def native_format(model: str) -> str:
    """Signatures of thinking are only good for the model that made them."""
    return f"anthropic:{model}"


class StreamedReply:
    """A reply that grows with each event. It is whole once its stop reason is known."""

    def __init__(self, account: Account, model: str, names: ToolNames) -> None:
        self.account = account
        self.model = model
        self.names = names
        self.blocks: dict[int, Block] = {}
        self.inputs: dict[int, str] = {}
        self.usage = WireUsage()
        self.stop_reason = ""

    def read(self, event: Event) -> Iterator[ModelEvent]:
        if event.type == "content_block_delta" and event.delta:
            yield from self.extend(event.index, event.delta)
        elif event.type == "content_block_start" and event.content_block:
            self.blocks[event.index] = event.content_block
        elif event.type == "message_start" and event.message:
            self.count(event.message.usage)
        elif event.type == "message_delta" and event.delta:
            self.count(event.usage)
            self.stop_reason = event.delta.stop_reason or self.stop_reason
        elif event.type == "error":
            error = event.error or {}
            raise failed_in_stream(self.account, error.get("message"), mendable=error.get("type") in MENDABLE)

    def extend(self, index: int, delta: Delta) -> Iterator[ModelEvent]:
        block = self.blocks.setdefault(index, Block("text"))
        if delta.text:
            block.text = (block.text or "") + delta.text
            yield TextDelta(delta.text)
        elif delta.thinking:
            block.thinking = (block.thinking or "") + delta.thinking
            yield ReasoningDelta(delta.thinking)
        elif delta.signature:
            block.signature = (block.signature or "") + delta.signature
        elif delta.partial_json:
            self.inputs[index] = self.inputs.get(index, "") + delta.partial_json

    def count(self, usage: WireUsage | None) -> None:
        """Takes over what the event counts: later counts are totals, and leave out what did not change."""
        for field in WireUsage.__struct_fields__:
            if (value := getattr(usage, field, None)) is not None:
                setattr(self.usage, field, value)

    def whole(self) -> Reply:
        blocks = [self.blocks[index] for index in sorted(self.blocks)]
        calls = [self.call(index) for index in sorted(self.blocks) if self.blocks[index].type == "tool_use"]
        usage = self.usage
        cache_read, cache_write = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        return Reply(
            text="".join(block.text or "" for block in blocks),
            reasoning="\n\n".join(block.thinking for block in blocks if block.thinking),
            tool_calls=calls,
            usage=Usage(
                input=(usage.input_tokens or 0) + cache_read + cache_write,
                output=usage.output_tokens or 0,
                cache_read=cache_read,
                cache_write=cache_write,
                reasoning=usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else 0,
            ),
            stop_reason=STOP_REASONS.get(self.stop_reason, self.stop_reason),
            native=to_native(blocks),
            native_format=native_format(self.model),
        )

    def call(self, index: int) -> ToolCall:
        """The finished tool call, whose input also goes into its block."""
        block = self.blocks[index]
        name = self.names.from_wire(block.name or "")
        call = read_call(id=block.id or f"call-{index}", name=name, arguments=self.inputs.get(index, ""))
        block.input = call.arguments
        return call


def to_native(blocks: list[Block]) -> list[dict[str, Any]] | None:
    """The blocks as they may be given back. Empty text is refused there, and so is a reply that ends with thinking (it
    was cut): that one is told by its text."""
    kept = [block for block in blocks if block.type != "text" or (block.text or "").strip()]
    if not kept or kept[-1].type in ("thinking", "redacted_thinking"):
        return None
    return msgspec.to_builtins(kept)
