import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import transaction

from gathering_site.common.models import User
from gathering_site.events.admission import admit
from gathering_site.events.frames import Frame
from gathering_site.events.reader import Reader
from gathering_site.events.redis_client import client
from gathering_site.events.services import emit
from gathering_site.events.topics import TOPICS
from tests.events.rooms import Rooms


@pytest.fixture(autouse=True)
def empty_server(transactional_db: None) -> None:
    client().flushdb()


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> Rooms:
    rooms = Rooms()
    monkeypatch.setitem(TOPICS, "rooms", rooms.kind)
    return rooms


def say(text: Any = "hello", *, topic: str = "rooms/1", kind: str = "room.said") -> Frame:
    with transaction.atomic():
        return emit(topic=topic, kind=kind, data={"text": text})


said = database_sync_to_async(say, thread_sensitive=False)


@pytest.fixture
async def open_reader(rooms: Rooms, alice: User) -> Any:
    """Opens readers of rooms, rooms/1 if not said otherwise, as alice, and closes them."""
    readers: list[Reader] = []

    async def open(after: int | None = None, room: int = 1) -> Reader:
        def admitted() -> Reader:
            return admit(login=lambda: alice, prefix="rooms", identifier=room, after=after)

        reader = await database_sync_to_async(admitted, thread_sensitive=False)()
        await reader.join()
        readers.append(reader)
        return reader

    yield open
    for reader in readers:
        reader.leave()


async def read_until(reader: Reader, enough: Callable[[list[Frame]], bool], seconds: float = 10) -> list[Frame]:
    """What the reader gives until that is enough."""
    frames: list[Frame] = []
    async with asyncio.timeout(seconds):
        while not enough(frames):
            frames += await reader.read()
    return frames


async def read_numbers(reader: Reader, last: int, seconds: float = 10) -> list[int]:
    """The numbers that the reader gives, until `last` is among them."""
    frames = await read_until(reader, lambda frames: last in [frame.number for frame in frames], seconds)
    return [frame.number for frame in frames if frame.number is not None]
