"""One flusher an event loop: it collects the new text of all streams and publishes it together, at most 20 times a
second. Publishing each token by itself does not keep up with many streams."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection

import msgspec

logger = logging.getLogger(__name__)

INTERVAL = 0.05
"""Seconds between two frames of one message: 20 frames a second."""

RENEWAL = 5.0
"""Seconds without new text after which a stream makes sure that its text is still kept: a server of live text that was
restarted gets it again also while a tool runs."""

TRIES = 10_000
"""A stream's fence is its run's claim number × TRIES + the try within that claim: later text always has a higher
fence."""


class Delta(msgspec.Struct, frozen=True):
    """New text of a message, to be published on each topic. `offset` counts characters; `attempt` is the fence: text of
    a lower one than was seen is void."""

    topics: tuple[str, ...]
    message: int
    attempt: int
    offset: int
    text: str


Publish = Callable[[list[Delta]], Awaitable[Collection[int]]]
"""Publishes all of them or raises. Gives the messages whose earlier text is not there any more: their whole text is
sent again."""


class TextStream:
    """The text that a run writes into a message: what earlier replies said, then what comes in now."""

    def __init__(self, *, topics: tuple[str, ...], message: int, claim: int, text: str) -> None:
        self.topics = topics
        self.message = message
        self.fence = claim * TRIES
        self.parts = [text] if text else []
        self.start = self.length = len(text)
        self.settled_at = 0.0
        # A run that goes on with another worker sends all of its text anew: nobody knows how much the first one got
        # out.
        self.resend()

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def write(self, text: str) -> None:
        # What the database's texts cannot hold, and no frame: NUL and lone surrogates.
        text = text.replace("\x00", "").encode(errors="ignore").decode()
        self.parts.append(text)
        self.length += len(text)

    def open_reply(self) -> None:
        """A new reply begins: an empty line parts it from what was said before."""
        self.start = self.length

    def write_reply(self, text: str) -> None:
        if self.length == self.start and self.start and text:
            self.write("\n\n")
        self.write(text)

    def rewind(self) -> None:
        """Takes back what the reply under way has written: it is going to be asked for again."""
        kept = self.text[: self.start]
        self.parts, self.length = [kept] if kept else [], self.start
        self.fence += 1
        self.resend()

    def resend(self) -> None:
        """All of the text is to be sent, from offset 0."""
        self.sent = self.sent_parts = 0

    def take(self) -> Delta | None:
        """What is not sent yet, to be told of with `settle` when it is; now and then a delta without text."""
        if self.sent == self.length and (not self.length or time.monotonic() < self.settled_at + RENEWAL):
            return None
        return Delta(self.topics, self.message, self.fence, self.sent, "".join(self.parts[self.sent_parts :]))

    def settle(self, delta: Delta, *, parts: int) -> None:
        """The delta was sent, when the text had this many parts; of no concern if the text was taken back since."""
        if delta.attempt == self.fence:
            self.settled_at = time.monotonic()
            self.sent, self.sent_parts = delta.offset + len(delta.text), parts


class Flusher:
    """Publishes the new text of every open stream each INTERVAL. What could not be published is tried again with the
    next text: nothing is dropped while its stream is open."""

    def __init__(self, publish: Publish) -> None:
        self.publish = publish
        self.streams: set[TextStream] = set()
        self.lock = asyncio.Lock()

    async def flush(self) -> None:
        """Publishes what is new now, for example before a run tells that it has ended."""
        async with self.lock:
            waiting = [
                (stream, delta, len(stream.parts)) for stream in self.streams if (delta := stream.take()) is not None
            ]
            if not waiting:
                return
            try:
                holes = await self.publish([delta for _, delta, _ in waiting])
            except Exception as error:
                logger.warning("Live text could not be published, trying again: %s", error)
                return
            for stream, delta, parts in waiting:
                if stream.message in holes:
                    stream.resend()
                else:
                    stream.settle(delta, parts=parts)

    async def run(self) -> None:
        """Flushes until it is cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.flush()
