"""The text so far of messages that are being written, kept in Redis: a reader that joins in the middle is given it.

Two keys a message: its text, and a hash with the fence (`attempt`: higher is later), the length in characters and, once
the message has ended, `sealed`."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import redis.asyncio

from gathering_site.events.frames import MESSAGE_DELTA, Frame, delta_texts
from gathering_site.events.redis_client import AWAY, channel_of, client

logger = logging.getLogger(__name__)

KEEP = 24 * 3600
"""Seconds after its last delta that a text is kept: longer than any run may take."""

KEEP_SEAL = 3600
"""Seconds that a seal is kept: longer than any worker can fail to notice that its run has ended."""

STORE = """
local text, state = KEYS[1], KEYS[2]
local attempt, offset, length, written = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local known = redis.call('HMGET', state, 'attempt', 'length', 'sealed')
local known_attempt = tonumber(known[1])
if known[3] or (known_attempt and known_attempt > attempt) then return 'void' end
if offset == 0 then
    redis.call('SET', text, written)
elseif known_attempt == attempt and tonumber(known[2]) == offset then
    redis.call('APPEND', text, written)
else
    return 'hole'
end
redis.call('HSET', state, 'attempt', attempt, 'length', offset + length)
redis.call('EXPIRE', text, ARGV[5])
redis.call('EXPIRE', state, ARGV[5])
if length > 0 then
    for place = 6, #ARGV, 2 do redis.call('PUBLISH', ARGV[place], ARGV[place + 1]) end
end
return 'stored'
"""
"""One delta: stored, then published, or neither. A script runs alone, so both have the same order. A lower attempt than
the known one, and anything after the seal, is void; text that does not follow on what is stored (the server was
restarted) is a hole. A delta without text asks whether there is one, and renews what is kept."""


class Delta(Protocol):
    """New text of a message, see agents.engine.flusher.Delta."""

    @property
    def topics(self) -> tuple[str, ...]: ...
    @property
    def message(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def text(self) -> str: ...


def keys(message_id: int) -> tuple[str, str]:
    return f"live:{message_id}:text", f"live:{message_id}:state"


async def publish_deltas(server: redis.asyncio.Redis, deltas: Sequence[Delta]) -> set[int]:
    """Stores and publishes new text, in one round trip. Gives the messages whose stored text lacks what comes before:
    their whole text must be sent, from offset 0. Raises redis.RedisError when the server is away."""
    store = server.register_script(STORE)
    pipeline = server.pipeline(transaction=False)
    for delta in deltas:
        arguments: list[Any] = [delta.attempt, delta.offset, len(delta.text), delta.text, KEEP]
        texts = delta_texts(
            delta.topics, message=delta.message, attempt=delta.attempt, offset=delta.offset, text=delta.text
        )
        for topic, text in zip(delta.topics, texts, strict=True):
            arguments += [channel_of(topic), text]
        await store(keys=keys(delta.message), args=arguments, client=pipeline)
    results = await pipeline.execute()
    return {delta.message for delta, result in zip(deltas, results, strict=True) if result == b"hole"}


def read_text(message_id: int) -> str:
    """The message's text so far; empty when there is none."""
    return read_texts([message_id]).get(message_id, "")


def read_texts(message_ids: Iterable[int]) -> dict[int, str]:
    """The texts so far of those messages that have one. None has, for all that is known, while the server is away."""
    ids = list(message_ids)
    try:
        texts: list[Any] = client().mget([keys(message_id)[0] for message_id in ids]) if ids else []
    except AWAY as error:
        logger.warning("Live text could not be read: %s", error)
        return {}
    return {message_id: text.decode() for message_id, text in zip(ids, texts, strict=True) if text is not None}


async def read_live(server: redis.asyncio.Redis, topic: str, message_ids: Iterable[int]) -> list[Frame]:
    """For each message that has text so far, a delta with all of it, for a reader of this topic."""
    ids = list(message_ids)
    pipeline = server.pipeline(transaction=True)
    for message_id in ids:
        text, state = keys(message_id)
        pipeline.get(text)
        pipeline.hget(state, "attempt")
    try:
        answers = await pipeline.execute() if ids else []
    except AWAY as error:
        logger.warning("Live text could not be read: %s", error)
        return []
    frames = []
    for message_id, text, attempt in zip(ids, answers[::2], answers[1::2], strict=True):
        if text is not None and attempt is not None:
            [whole] = delta_texts((topic,), message=message_id, attempt=int(attempt), offset=0, text=text.decode())
            frames.append(Frame(text=whole, kind=MESSAGE_DELTA, message=message_id, attempt=int(attempt)))
    return frames


def seal_text(message_id: int) -> None:
    """The message has ended: its live text goes, and what a worker still sends is void."""
    text, state = keys(message_id)
    pipeline = client().pipeline(transaction=True)
    pipeline.delete(text)
    pipeline.hset(state, "sealed", "1")
    pipeline.expire(state, KEEP_SEAL)
    try:
        pipeline.execute()
    except AWAY as error:
        logger.warning("Live text of message %d could not be sealed: %s", message_id, error)
