"""The same streams as server-sent events."""

import asyncio
from typing import Any

import pytest
from channels.db import database_sync_to_async

from gathering_site.common.errors import InvalidInput, NotFound
from gathering_site.common.models import Token
from gathering_site.common.tokens import create_token, find_token
from gathering_site.events import hub, views
from gathering_site.events.views import event_stream_response
from tests.events.conftest import said


@pytest.fixture
async def stream(rooms, alice):
    """Opens a stream; gives a function that reads its next chunk as text."""
    open_ones = []

    async def open(**arguments: Any) -> Any:
        respond = database_sync_to_async(event_stream_response, thread_sensitive=False)
        content = aiter(await respond(alice, "rooms", 1, **arguments))
        open_ones.append(content)
        assert await anext(content) == b": open\n\n"

        async def read() -> str:
            return (await asyncio.wait_for(anext(content), 5)).decode()

        read.close = content.aclose
        return read

    yield open
    for content in open_ones:
        await content.aclose()


def test_the_answer_is_not_kept_nor_buffered_on_its_way(rooms, alice):
    response = event_stream_response(alice, "rooms", 1)
    assert response.streaming
    assert response["Content-Type"] == "text/event-stream"
    assert (response["Cache-Control"], response["X-Accel-Buffering"]) == ("no-cache", "no")


def test_who_may_not_see_the_topic_is_told_that_it_does_not_exist(rooms, bob):
    with pytest.raises(NotFound):
        event_stream_response(bob, "rooms", 1)


@pytest.mark.parametrize("numbers", [{"after": "x"}, {"after": "4"}, {"last_event_id": "x"}, {"last_event_id": "4"}])
def test_a_number_that_cannot_be_served_is_refused(rooms, alice, numbers):
    with pytest.raises(InvalidInput):
        event_stream_response(alice, "rooms", 1, **numbers)


async def test_an_event_has_its_number_as_id_its_kind_and_its_frame(stream):
    read = await stream()
    frame = await said("one")
    assert await read() == f"id: 1\nevent: room.said\ndata: {frame.text}\n\n"


async def test_the_stream_goes_on_after_the_last_event_that_the_client_had(stream):
    frames = [await said(text) for text in ("one", "two", "three")]
    read = await stream(after="0", last_event_id="2")
    assert await read() == f"id: 3\nevent: room.said\ndata: {frames[2].text}\n\n"


async def test_what_is_said_between_the_answer_and_its_first_byte_is_not_missed(rooms, alice):
    await said("before")
    response = await database_sync_to_async(event_stream_response, thread_sensitive=False)(alice, "rooms", 1)
    await said("between")
    content = aiter(response)
    await anext(content)
    assert b'"between"' in await asyncio.wait_for(anext(content), 5)
    await content.aclose()


async def test_a_silent_stream_is_kept_alive(stream, monkeypatch):
    monkeypatch.setattr(views, "KEEP_ALIVE", 0.02)
    read = await stream()
    assert [await read(), await read()] == [": keep-alive\n\n"] * 2


async def test_a_client_that_goes_leaves_the_hub(stream):
    read = await stream()
    [channel] = hub.hub().channels.values()
    assert len(channel.readers) == 1
    await read.close()
    assert not channel.readers


async def test_a_revoked_token_ends_the_stream(stream, alice, monkeypatch):
    monkeypatch.setattr(hub, "CHECK", 0.02)
    token = await database_sync_to_async(lambda: find_token(create_token(user=alice)), thread_sensitive=False)()
    read = await stream(token=token)
    await database_sync_to_async(Token.objects.all().delete, thread_sensitive=False)()
    with pytest.raises(StopAsyncIteration):
        await read()
