"""The text so far of messages under way."""

import json

import pytest

from agents.engine.flusher import Delta
from gathering_site.events.live import KEEP, publish_deltas, read_live, read_text, read_texts, seal_text
from gathering_site.events.redis_client import asyncio_client, channel_of, client


def delta(text: str, *, offset: int = 0, attempt: int = 100, message: int = 1, topics=("rooms/1", "runs/1")) -> Delta:
    return Delta(topics, message, attempt, offset, text)


@pytest.fixture
async def server():
    async with asyncio_client() as server:
        yield server


@pytest.fixture
async def pushed(server):
    async with server.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(channel_of("rooms/1"), channel_of("runs/1"))
        for _ in range(2):
            await subscription.get_message(timeout=1)

        async def take() -> list[dict]:
            frames = []
            while message := await subscription.get_message(timeout=0.05):
                frames.append(json.loads(message["data"]))
            return frames

        yield take


async def test_text_grows_by_its_deltas_and_is_published_on_every_topic(server, pushed):
    await publish_deltas(server, [delta("Grü"), delta("ße 🎈", offset=3)])
    assert await publish_deltas(server, [delta("!", offset=7)]) == set()
    assert read_text(1) == "Grüße 🎈!"
    frames = await pushed()
    assert [frame["topic"] for frame in frames] == ["rooms/1", "runs/1"] * 3
    assert frames[2]["kind"] == "message.delta" and "number" not in frames[2]
    assert frames[2]["data"] == {"message": 1, "attempt": 100, "offset": 3, "text": "ße 🎈"}


async def test_a_lower_attempt_is_neither_stored_nor_published(server, pushed):
    await publish_deltas(server, [delta("anew", attempt=200)])
    assert await publish_deltas(server, [delta("late", attempt=101), delta("late", attempt=100, offset=4)]) == set()
    assert read_text(1) == "anew"
    assert [frame["data"]["text"] for frame in await pushed()] == ["anew", "anew"]


async def test_a_higher_attempt_takes_the_text_s_place_from_its_start_only(server):
    await publish_deltas(server, [delta("first try")])
    assert await publish_deltas(server, [delta(" more", offset=9, attempt=101)]) == {1}
    assert await publish_deltas(server, [delta("second", attempt=101)]) == set()
    assert read_text(1) == "second"


async def test_a_delta_that_does_not_follow_is_a_hole_and_is_not_published(server, pushed):
    await publish_deltas(server, [delta("one")])
    await pushed()
    assert await publish_deltas(server, [delta("far", offset=9), delta("other", message=2)]) == {1}
    assert await publish_deltas(server, [delta("back", offset=1)]) == {1}
    assert read_text(1) == "one"
    assert {frame["data"]["message"] for frame in await pushed()} == {2}


async def test_a_server_that_was_restarted_empty_asks_for_the_whole_text(server):
    await publish_deltas(server, [delta("one")])
    client().flushall()
    client().script_flush()
    assert await publish_deltas(server, [delta(" two", offset=3)]) == {1}
    assert await publish_deltas(server, [delta("one two")]) == set()
    assert read_text(1) == "one two"


async def test_a_delta_without_text_asks_for_what_is_kept_and_is_not_published(server, pushed):
    assert await publish_deltas(server, [delta("", offset=3)]) == {1}
    await publish_deltas(server, [delta("one")])
    await pushed()
    assert await publish_deltas(server, [delta("", offset=3)]) == set()
    assert read_text(1) == "one" and await pushed() == []


async def test_after_the_seal_nothing_is_stored_or_published(server, pushed):
    await publish_deltas(server, [delta("said")])
    await pushed()
    seal_text(1)
    assert read_text(1) == ""
    assert await publish_deltas(server, [delta("said more"), delta("later", attempt=900)]) == set()
    assert read_text(1) == "" and await pushed() == []


async def test_a_seal_holds_for_a_message_that_had_no_text_yet(server, pushed):
    seal_text(1)
    await publish_deltas(server, [delta("late")])
    assert read_texts([1, 2]) == {} and await pushed() == []


async def test_texts_are_read_together_and_only_those_that_are_there(server):
    await publish_deltas(server, [delta("one"), delta("two", message=2)])
    assert read_texts([1, 2, 3]) == {1: "one", 2: "two"}
    assert read_texts([]) == {}
    frames = await read_live(server, "rooms/1", [2, 3])
    assert [(frame.message, frame.attempt) for frame in frames] == [(2, 100)]
    assert json.loads(frames[0].text)["data"] == {"message": 2, "attempt": 100, "offset": 0, "text": "two"}


async def test_what_is_kept_expires_and_each_delta_renews_it(server):
    await publish_deltas(server, [delta("one")])
    keys = client().keys("live:1:*")
    assert len(keys) == 2
    for key in keys:
        client().expire(key, 10)
    await publish_deltas(server, [delta(" two", offset=3)])
    assert all(KEEP - 10 < client().ttl(key) <= KEEP for key in keys)
    seal_text(1)
    assert [0 < client().ttl(key) <= 3600 for key in client().keys("live:1:*")] == [True]


def test_without_a_server_there_is_no_text_and_no_error(settings, tmp_path, caplog):
    settings.REDIS_URL = f"unix://{tmp_path / 'nobody.sock'}"
    assert read_texts([1]) == {}
    seal_text(1)
    assert "could not be read" in caplog.text and "could not be sealed" in caplog.text
