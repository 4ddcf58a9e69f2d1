"""The hub: one subscription a process and topic, and a loop over the readers that joined. A push is only a hint, so the
hub also compares the topics' numbers with what its readers have."""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import redis.asyncio

from gathering_site.common.threads import in_database
from gathering_site.events.channel import Channel
from gathering_site.events.frames import decode
from gathering_site.events.models import Topic
from gathering_site.events.redis_client import AWAY, asyncio_client, channel_of

if TYPE_CHECKING:
    from gathering_site.events.reader import Reader

logger = logging.getLogger(__name__)

CHECK = 5.0
"""Seconds between two looks at the numbers of all topics: how long a lost push can go unnoticed."""

ACCESS_CHECKS = 6
"""Every so many looks a reader's access is checked: it ends 30 s after the token was revoked at the latest. Each look
takes another part of the readers."""

SILENCE = 2.5 * CHECK
"""Seconds without any answer, not even to the pings, after which a connection is given up."""

BURST = 50
"""Frames that are handed on before the readers have their turn: what has arrived already is read without a pause, and
must not fill the queue of a reader that is quick."""

CONFIRMATION = 1.0
"""Seconds that a reader waits for its subscription; after that it starts with the log alone."""

LONGEST_PAUSE = 2.0
"""Seconds between two tries to reach a server that is away."""


class Hub:
    """Lives on one event loop, as long as it has readers."""

    def __init__(self) -> None:
        self.server: redis.asyncio.Redis = asyncio_client()
        self.channels: dict[bytes, Channel] = {}
        self.subscription: redis.asyncio.client.PubSub | None = None
        # Keeps the commands of one connection in the order of the decisions behind them: a topic that is joined while
        # it is being unsubscribed ends up subscribed.
        self.commands = asyncio.Lock()
        self.task: asyncio.Task[None] | None = None

    async def join(self, reader: "Reader") -> None:
        """From now on the topic's frames are offered to the reader. Waits until the subscription holds; while the
        server is away, not for long: the looks at the numbers serve such a reader."""
        name = channel_of(reader.topic).encode()
        is_new = name not in self.channels
        channel = self.channels.setdefault(name, Channel(reader.topic))
        channel.readers.add(reader)  # Before anything is awaited: an empty channel may be let go.
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.run())
        if is_new:
            async with self.commands:
                if self.subscription:
                    with suppress(*AWAY):
                        await self.subscription.subscribe(name)
        with suppress(TimeoutError):
            await asyncio.wait_for(channel.subscribed.wait(), CONFIRMATION)

    def leave(self, reader: "Reader") -> None:
        if channel := self.channels.get(channel_of(reader.topic).encode()):
            channel.readers.discard(reader)

    async def run(self) -> None:
        """Listens, and looks after the readers, until there are none."""
        listening = asyncio.create_task(self.keep_listening())
        looks = 0
        try:
            while self.channels:
                await asyncio.sleep(CHECK)
                looks += 1
                try:
                    await self.look(part=looks % ACCESS_CHECKS)
                except Exception as error:
                    logger.warning("The hub could not look after its topics: %s", error)
        finally:
            listening.cancel()

    async def look(self, *, part: int) -> None:
        await self.unsubscribe_empty()
        if self.subscription:
            with suppress(*AWAY):
                await self.subscription.ping()
        topics = [channel.topic for channel in self.channels.values()]
        numbers = await in_database(Topic.objects.numbers, names=topics)
        for channel in self.channels.values():
            channel.compare(numbers.get(channel.topic, 0))
            for reader in channel.readers:
                if hash(reader) % ACCESS_CHECKS == part:
                    reader.doubt()

    async def unsubscribe_empty(self) -> None:
        async with self.commands:
            empty = [name for name, channel in self.channels.items() if not channel.readers]
            for name in empty:
                del self.channels[name]
            if empty and self.subscription:
                with suppress(*AWAY):
                    await self.subscription.unsubscribe(*empty)

    async def keep_listening(self) -> None:
        pause = 0.05
        while True:
            try:
                await self.listen()
            except Exception as error:
                unexpected = not isinstance(error, AWAY)
                logger.warning("The hub lost its connection to REDIS_URL: %s", error, exc_info=unexpected)
            if any(channel.subscribed.is_set() for channel in self.channels.values()):
                pause = 0.05
            for channel in self.channels.values():
                channel.subscribed.clear()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def listen(self) -> None:
        """Hands on what comes in on one connection, until it is lost. A channel's readers catch up when it is
        subscribed, so what was pushed before a new connection is not missed."""
        async with self.server.pubsub() as subscription:
            handed_on = 0
            try:
                async with self.commands:
                    await subscription.subscribe(*self.channels)
                    self.subscription = subscription
                while message := await subscription.get_message(timeout=SILENCE):
                    handed_on += 1
                    if handed_on % BURST == 0:
                        await asyncio.sleep(0)
                    channel = self.channels.get(message["channel"])
                    if channel and message["type"] == "message":
                        try:
                            channel.receive(decode(message["data"]))
                        except msgspec.MsgspecError as error:
                            logger.warning("A push on %s is not a frame: %s", channel.topic, error)
                    elif channel and message["type"] == "subscribe":
                        channel.subscribe()
                raise redis.ConnectionError("it does not answer")
            finally:
                if self.subscription is subscription:
                    self.subscription = None


HUBS: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop: a server has one loop, and so one hub."""
    loop = asyncio.get_running_loop()
    if loop not in HUBS:
        for closed in [known for known in HUBS if known.is_closed()]:
            del HUBS[closed]
        HUBS[loop] = Hub()
    return HUBS[loop]
