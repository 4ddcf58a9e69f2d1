"""Frames: what is pushed to readers, as ready-made text.

Durable: `{"topic","number","kind","at","data"}`. Transient: the same without a number."""

from datetime import UTC, datetime
from typing import Any

import msgspec

MESSAGE_DELTA = "message.delta"

LARGEST_FRAME = 64 * 1024
"""Bytes of one frame from a client; the server closes the socket of a larger one with code 1009."""

ENCODER = msgspec.json.Encoder(decimal_format="string")
"""Datetimes become ISO 8601, those in UTC with a `Z`; Decimals become strings."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame. `number` is None for a transient one; `message` and `attempt` (the fence) are those of a delta."""

    text: str
    kind: str
    number: int | None = None
    message: int | None = None
    attempt: int = 0


class Head(msgspec.Struct):
    kind: str
    data: msgspec.Raw
    number: int | None = None


class DeltaHead(msgspec.Struct):
    message: int
    attempt: int


HEADS = msgspec.json.Decoder(Head)
DELTA_HEADS = msgspec.json.Decoder(DeltaHead)


def encode(value: Any) -> str:
    return ENCODER.encode(value).decode()


def durable_frame(*, topic: str, number: int, kind: str, at: datetime, data: str) -> Frame:
    """The frame of a stored event; `data` is its JSON as the database writes it, so that a replay is the same text as
    the push was."""
    text = f'{{"topic":{encode(topic)},"number":{number},"kind":{encode(kind)},"at":{encode(at)},"data":{data}}}'
    return Frame(text=text, kind=kind, number=number)


def delta_texts(topics: tuple[str, ...], *, message: int, attempt: int, offset: int, text: str) -> list[str]:
    """The frame of new text of a message, one for each topic. Readers apply `seen = seen[:offset] + text`; the offset
    counts characters (code points). `attempt` rises each time the text is written anew."""
    data = {"message": message, "attempt": attempt, "offset": offset, "text": text}
    rest = encode({"kind": MESSAGE_DELTA, "at": datetime.now(UTC), "data": data})[1:]
    return [f'{{"topic":{encode(topic)},{rest}' for topic in topics]


def decode(pushed: bytes) -> Frame:
    """The frame that was pushed, with as much of it taken apart as ordering needs."""
    head = HEADS.decode(pushed)
    if head.kind != MESSAGE_DELTA:
        return Frame(text=pushed.decode(), kind=head.kind, number=head.number)
    delta = DELTA_HEADS.decode(head.data)
    return Frame(text=pushed.decode(), kind=head.kind, message=delta.message, attempt=delta.attempt)
