"""The messages API."""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from tests.upstreams.server import Answer, Piece, Upstream, json_answer, retry_headers, words_of

USAGE = {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 1}


class AnthropicUpstream(Upstream):
    chat_path = "/v1/messages"
    models_path = "/v1/models"

    def model_list(self) -> Any:
        data = [
            {"id": name, "type": "model", "display_name": name, "created_at": "2025-01-01T00:00:00Z"}
            for name in self.models
        ]
        return {"data": data, "has_more": False, "first_id": self.models[0], "last_id": self.models[-1]}


def event(type: str, **fields: Any) -> bytes:
    return f"event: {type}\ndata: ".encode() + orjson.dumps({"type": type, **fields}) + b"\n\n"


def stream(*pieces: Piece, **fields: Any) -> Answer:
    return Answer(list(pieces), content_type="text/event-stream", **fields)


def start(usage: Any = USAGE) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    return event("message_start", message=message | {"stop_reason": None, "stop_sequence": None})


def block(index: int, content: dict[str, Any]) -> Iterator[bytes]:
    """One content block, as (start, deltas, stop): text and thinking word by word, a tool's input in two halves."""
    match content["type"]:
        case "text":
            opening, deltas = {"text": ""}, [("text_delta", "text", word) for word in words_of(content["text"])]
        case "thinking":
            opening = {"thinking": "", "signature": ""}
            deltas = [("thinking_delta", "thinking", word) for word in words_of(content["thinking"])]
            deltas.append(("signature_delta", "signature", content["signature"]))
        case "tool_use":
            opening = {"id": content["id"], "name": content["name"], "input": {}}
            raw = content["input"] if isinstance(content["input"], str) else orjson.dumps(content["input"]).decode()
            halves = (raw[: len(raw) // 2], raw[len(raw) // 2 :])
            deltas = [("input_json_delta", "partial_json", half) for half in halves]
        case _:
            opening, deltas = content, []
    yield event("content_block_start", index=index, content_block={"type": content["type"], **opening})
    for type, field, piece in deltas:
        yield event("content_block_delta", index=index, delta={"type": type, field: piece})
    yield event("content_block_stop", index=index)


def finish(stop_reason: str, output_tokens: int = 7) -> bytes:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return event("message_delta", delta=delta, usage={"output_tokens": output_tokens}) + event("message_stop")


def reply(*contents: dict[str, Any] | str, stop_reason: str | None = None, usage: Any = USAGE) -> Answer:
    """A whole streamed reply of content blocks; a string is a block of text. A tool_use's input may be a string: the
    JSON as the model wrote it."""
    blocks = [{"type": "text", "text": content} if isinstance(content, str) else content for content in contents]
    called = any(content["type"] == "tool_use" for content in blocks)
    pieces = [piece for index, content in enumerate(blocks) for piece in block(index, content)]
    reason = stop_reason or ("tool_use" if called else "end_turn")
    return stream(start(usage), event("ping"), *pieces, finish(reason))


def error(status: int, type: str = "api_error", message: str = "no", *, retry_after: float | None = None) -> Answer:
    body = {"type": "error", "error": {"type": type, "message": message}}
    return json_answer(body, status=status, headers=retry_headers(retry_after))


def paced(words: int, rate: float) -> Answer:
    """A reply of so many tokens, `rate` a second, each the clock (nanoseconds of time.monotonic_ns) at its sending."""

    def stamp() -> bytes:
        delta = {"type": "text_delta", "text": f"{time.monotonic_ns()} "}
        return event("content_block_delta", index=0, delta=delta)

    opening = start() + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    ending = event("content_block_stop", index=0) + finish("end_turn", words)
    return stream(opening, *[stamp] * words, ending, interval=1 / rate)
