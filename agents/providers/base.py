"""What every provider takes and gives: a request in neutral terms, a stream of small events, one whole reply at its
end."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec


class ToolCall(msgspec.Struct, frozen=True):
    """A tool the model wants called. `arguments` is the JSON object as the model wrote it, not yet checked; where it
    wrote no such object, they are empty and `error` says so to the model."""

    id: str
    name: str
    arguments: dict[str, Any]
    error: str = ""


class ToolResult(msgspec.Struct, frozen=True):
    """What a tool call gave. `failed` says that `text` tells why it could not be done."""

    id: str
    name: str
    text: str
    failed: bool = False


class UserTurn(msgspec.Struct, frozen=True):
    """Something said to the agent, by a person or by another agent (then the text names who speaks)."""

    text: str


class ToolTurn(msgspec.Struct, frozen=True):
    """The results of all tool calls of the reply before it, in that reply's order."""

    results: list[ToolResult]


MOST_TOKENS = 1_000_000_000
"""Of one reply: far above what any model takes."""


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the provider counted them. `input` includes what was read from or written to its cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def sound(self) -> "Usage":
        """The same within what can be: no provider's slip may make a run impossible to price or to store."""
        input, output = (min(max(count, 0), MOST_TOKENS) for count in (self.input, self.output))
        cache_read = min(max(self.cache_read, 0), input)
        cache_write = min(max(self.cache_write, 0), input - cache_read)
        return Usage(input, output, cache_read, cache_write, min(max(self.reasoning, 0), output))


class Reply(msgspec.Struct, frozen=True):
    """A model's whole reply. `stop_reason` is one of `end`, `tool_calls`, `length`, `refusal`, or the provider's own
    word. `native` is what the provider wants back unchanged (thinking signatures, order of blocks); it may only be
    given to a provider whose `native_format` for the request's model is the same, every other builds the turn from text
    and tool calls."""

    text: str
    reasoning: str = ""
    tool_calls: list[ToolCall] = []
    usage: Usage = Usage()
    stop_reason: str = "end"
    native: Any = None
    native_format: str = ""


Turn = UserTurn | Reply | ToolTurn


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool as the model sees it: `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelRequest(msgspec.Struct, frozen=True):
    """One question to a model. `turns` are well formed: every tool call is followed by its result. `options` are the
    provider row's settings and the agent's, where they are the provider's own (`num_ctx`, `keep_alive`)."""

    model: str
    turns: list[Turn]
    system: str = ""
    tools: list[ToolSpec] = []
    max_output_tokens: int = 4096
    temperature: float | None = None
    options: dict[str, Any] = {}


class TextDelta(msgspec.Struct, frozen=True):
    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    text: str


ModelEvent = TextDelta | ReasoningDelta | Reply


class Account(msgspec.Struct, frozen=True):
    """Where and as whom a provider is reached. Its repr never shows the key."""

    kind: str
    name: str
    base_url: str = ""
    api_key: str = ""
    allow_private: bool = False
    settings: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Account({self.kind!r}, {self.name!r})"


class Patience(msgspec.Struct, frozen=True):
    """How long a provider waits, in seconds, and how often it asks again after 429, 5xx or a failed connection."""

    connect: float = 10.0
    stall: float = 60.0
    first_byte: float = 300.0
    """For Ollama alone: it sends nothing while it loads a model, for which its own limit is 5 minutes."""
    retries: int = 3
    longest_wait: float = 60.0
    """A provider that asks to wait for longer is given up at once."""


USUAL_PATIENCE = Patience()


class ProviderError(Exception):
    """A model could not answer. The message is one sentence for a person and never holds a key. `retry_after` (seconds)
    is set where trying again later may help."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class Provider(Protocol):
    """One account at one place where models are served. Lives on one event loop; `close` frees its connections."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The reply as it comes: deltas, then exactly one `Reply` at the end. Retries 429 and 5xx before the first byte
        of the reply, waiting as long as it was asked to, a bounded number of times. Raises ProviderError."""
        ...

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """Input tokens of the request by the provider's own count; None where it has no such call."""
        ...

    async def list_models(self) -> list[str]:
        """Names of the models that this account may use. Raises ProviderError."""
        ...

    async def close(self) -> None: ...
