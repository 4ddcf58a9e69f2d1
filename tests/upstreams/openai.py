"""The chat completions API."""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from tests.upstreams.server import Answer, Piece, Upstream, json_answer, retry_headers, words_of

USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
DONE = b"data: [DONE]\n\n"


class OpenAIUpstream(Upstream):
    base_path = "/v1"
    chat_path = "/v1/chat/completions"
    models_path = "/v1/models"

    def model_list(self) -> Any:
        return {
            "object": "list",
            "data": [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self.models],
        }


def chunk(*, usage: Any = None, finish_reason: str | None = None, **delta: Any) -> bytes:
    """One event: a delta of the first choice, or the usage alone."""
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}]
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices}
    return b"data: " + orjson.dumps(body | {"usage": usage}) + b"\n\n"


def call_chunks(calls: list[tuple[str, str, str]]) -> Iterator[bytes]:
    """Calls as (id, name, arguments), their arguments' pieces interleaved as a model with parallel calls may."""
    for index, (id, name, _) in enumerate(calls):
        yield chunk(
            tool_calls=[{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]
        )
    halves = [(arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]) for _, _, arguments in calls]
    for half in range(2):
        for index, pair in enumerate(halves):
            yield chunk(tool_calls=[{"index": index, "function": {"arguments": pair[half]}}])


def stream(*pieces: Piece, **fields: Any) -> Answer:
    return Answer(list(pieces), content_type="text/event-stream", **fields)


def reply(
    text: str = "",
    *,
    reasoning: str = "",
    tool_calls: list[tuple[str, str, str]] | None = None,
    usage: Any = USAGE,
    finish_reason: str | None = None,
) -> Answer:
    """A whole streamed reply; usage None leaves it out."""
    pieces = [chunk(role="assistant", content="")]
    pieces += [chunk(reasoning_content=word) for word in words_of(reasoning)]
    pieces += [chunk(content=word) for word in words_of(text)]
    pieces += call_chunks(tool_calls or [])
    pieces.append(chunk(finish_reason=finish_reason or ("tool_calls" if tool_calls else "stop")))
    if usage:
        pieces.append(chunk(usage=usage))
    return stream(*pieces, DONE)


def error(status: int, message: str = "no", *, code: str | None = None, retry_after: float | None = None) -> Answer:
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return json_answer(body, status=status, headers=retry_headers(retry_after))


def paced(words: int, rate: float) -> Answer:
    """A reply of so many tokens, `rate` a second, each the clock (nanoseconds of time.monotonic_ns) at its sending."""
    stamped: list[Piece] = [lambda: chunk(content=f"{time.monotonic_ns()} ")] * words
    return stream(*stamped, chunk(finish_reason="stop"), chunk(usage=USAGE), DONE, interval=1 / rate)
