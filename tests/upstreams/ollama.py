"""Ollama's native API."""

import time
from typing import Any

import orjson

from tests.upstreams.server import Answer, Piece, Upstream, json_answer, retry_headers, words_of


class OllamaUpstream(Upstream):
    chat_path = "/api/chat"
    models_path = "/api/tags"

    def model_list(self) -> Any:
        return {"models": [{"name": name, "model": name, "size": 1} for name in self.models]}


def line(*, done: bool = False, counts: dict[str, Any] | None = None, **message: Any) -> bytes:
    body = {
        "model": "m",
        "created_at": "2025-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": ""} | message,
    }
    return orjson.dumps(body | {"done": done} | (counts or {})) + b"\n"


def stream(*pieces: Piece, **fields: Any) -> Answer:
    return Answer(list(pieces), content_type="application/x-ndjson", **fields)


def finish(done_reason: str = "stop") -> bytes:
    return line(done=True, counts={"done_reason": done_reason, "prompt_eval_count": 12, "eval_count": 7})


def reply(
    text: str = "",
    *,
    thinking: str = "",
    tool_calls: list[tuple[str, dict[str, Any]]] | None = None,
    done_reason: str = "stop",
) -> Answer:
    """A whole streamed reply; calls are (name, arguments)."""
    pieces = [line(thinking=word) for word in words_of(thinking)]
    pieces += [line(content=word) for word in words_of(text)]
    for name, arguments in tool_calls or []:
        pieces.append(line(tool_calls=[{"function": {"name": name, "arguments": arguments}}]))
    return stream(*pieces, finish(done_reason))


def error(status: int, message: str = "no", *, retry_after: float | None = None) -> Answer:
    return json_answer({"error": message}, status=status, headers=retry_headers(retry_after))


def paced(words: int, rate: float) -> Answer:
    """A reply of so many tokens, `rate` a second, each the clock (nanoseconds of time.monotonic_ns) at its sending."""
    stamped: list[Piece] = [lambda: line(content=f"{time.monotonic_ns()} ")] * words
    return stream(*stamped, finish(), interval=1 / rate)
