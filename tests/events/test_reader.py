"""What one reader is given: the log, the texts so far, then what comes in."""

import asyncio
import json
import random

import pytest
from channels.db import database_sync_to_async
from django.db import transaction

from agents.engine.flusher import Delta, Flusher, TextStream
from gathering_site import environment
from gathering_site.common.errors import InvalidInput, NotFound
from gathering_site.embedded.valkey import Valkey
from gathering_site.events import channel, hub
from gathering_site.events import reader as readers
from gathering_site.events.admission import admit, parse_number
from gathering_site.events.frames import Frame
from gathering_site.events.live import publish_deltas, seal_text
from gathering_site.events.reader import Close, StreamEnded
from gathering_site.events.redis_client import asyncio_client, client
from gathering_site.events.services import emit
from tests import plugin
from tests.events.conftest import read_numbers, read_until, said, say


def admitted(user, *, prefix="rooms", after=None):
    return admit(login=lambda: user, prefix=prefix, identifier=1, after=after)


def test_who_may_not_see_the_topic_is_told_that_it_does_not_exist(rooms, bob):
    with pytest.raises(NotFound, match="Room not found"):
        admitted(bob)


def test_a_topic_of_an_unknown_kind_does_not_exist(rooms, alice):
    with pytest.raises(NotFound):
        admitted(alice, prefix="caves")


def test_a_number_that_the_topic_has_not_reached_is_refused(rooms, alice):
    say()
    assert admitted(alice, after=1).last == 1
    with pytest.raises(InvalidInput, match="after is 2, but the last event of rooms/1 is number 1"):
        admitted(alice, after=2)


@pytest.mark.parametrize("text", ["-1", "two", "1.0", "٣", "9" * 30, "1 "])
def test_what_is_not_the_number_of_an_event_is_refused(text):
    with pytest.raises(InvalidInput, match="must be the number of an event"):
        parse_number(text)


async def test_without_a_number_the_stream_begins_with_what_comes_from_now_on(open_reader):
    await said("before")
    reader = await open_reader()
    await said("after")
    assert await read_numbers(reader, 2) == [2]


async def test_a_long_log_is_replayed_in_pages(open_reader, monkeypatch):
    monkeypatch.setattr(readers, "PAGE", 7)
    for _ in range(20):
        await said()
    reader = await open_reader(after=3)
    frames = await reader.read()
    assert [frame.number for frame in frames] == list(range(4, 11))
    assert await read_numbers(reader, 20) == list(range(11, 21))


async def test_readers_that_join_while_many_write_get_each_event_once_and_in_order(open_reader):
    writers, each = 4, 30
    total = writers * each
    chance = random.Random(3)

    async def write() -> None:
        for _ in range(each):
            await said()

    async def join_and_read(after: int) -> list[int]:
        await asyncio.sleep(chance.random() * 0.3)
        return await read_numbers(await open_reader(after=after), total)

    reading = [asyncio.create_task(join_and_read(0)) for _ in range(12)]
    await asyncio.gather(*(write() for _ in range(writers)))
    for numbers in await asyncio.gather(*reading):
        assert numbers == list(range(1, total + 1))


async def test_events_whose_push_was_lost_are_read_from_the_log_when_the_next_comes(open_reader, settings, tmp_path):
    reader = await open_reader()
    await said("one")
    assert await read_numbers(reader, 1) == [1]
    await lose_push(settings, tmp_path)
    await said("three")
    assert await read_numbers(reader, 3) == [2, 3]


async def test_a_lost_push_with_nothing_after_it_is_noticed_too(open_reader, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "CHECK", 0.05)
    reader = await open_reader()
    await lose_push(settings, tmp_path)
    assert await read_numbers(reader, 1) == [1]


async def lose_push(settings, tmp_path) -> None:
    """Emits an event whose push reaches nobody."""
    url, settings.REDIS_URL = settings.REDIS_URL, f"unix://{tmp_path / 'nobody.sock'}"
    await said("not pushed")
    settings.REDIS_URL = url


async def test_a_hub_that_lost_its_connection_comes_back_and_nothing_is_missed(open_reader):
    reader = await open_reader()
    await said("one")
    client().execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await said("two")
    assert await read_numbers(reader, 2) == [1, 2]
    await asyncio.wait_for(hub_is_subscribed(reader.topic), 5)
    await said("three")
    assert await read_numbers(reader, 3) == [3]


async def test_a_connection_that_has_gone_silent_is_given_up(open_reader, monkeypatch, caplog):
    monkeypatch.setattr(hub, "CHECK", 0.1)
    monkeypatch.setattr(hub, "SILENCE", 0.3)
    reader = await open_reader()
    client().execute_command("CLIENT", "PAUSE", "700", "ALL")
    async with asyncio.timeout(5):
        while "does not answer" not in caplog.text:
            await asyncio.sleep(0.02)
    await said()
    assert await read_numbers(reader, 1) == [1]


async def test_a_server_that_is_restarted_empty_in_the_middle_costs_no_event_and_no_text(open_reader):
    text = TextStream(topics=("rooms/1",), message=1, claim=1, text="")
    server = asyncio_client()

    async def publish(deltas: list[Delta]) -> set[int]:
        return await publish_deltas(server, deltas)

    flusher = Flusher(publish)
    flusher.streams.add(text)
    await database_sync_to_async(Writer().begin, thread_sensitive=False)()
    reader = await open_reader(after=0)
    text.write("one ")
    await flusher.flush()
    frames = await read_until(reader, lambda frames: len(frames) == 2)

    client().shutdown(nosave=True)
    await said("while it is away")
    text.write("two ")
    await flusher.flush()
    plugin.start(Valkey(run=environment.run_folder()))  # In this thread: it dies with the one that started it.
    await asyncio.wait_for(hub_is_subscribed(reader.topic), 10)
    for _ in range(2):
        await flusher.flush()
    frames += await read_until(reader, lambda frames: len([f for f in frames if f.kind == "message.delta"]) > 0)
    assert follow(frames) == text.text == "one two "
    assert [frame.number for frame in frames if frame.number] == [1, 2]


async def hub_is_subscribed(topic: str) -> None:
    while not client().pubsub_numsub(hub.channel_of(topic))[0][1]:
        await asyncio.sleep(0.01)


async def test_a_push_that_is_late_does_not_send_readers_to_the_log(open_reader, monkeypatch):
    monkeypatch.setattr(channel, "GRACE", 5)
    reader = await open_reader()
    await reader.read(0.05)
    place = hub.hub().channels[hub.channel_of("rooms/1").encode()]
    for number in (1, 3, None, 4, 2, 5):
        place.receive(Frame(text=str(number), kind="room.said", number=number))
    assert not reader.behind
    assert [frame.text for frame in await reader.read()] == ["1", "2", "3", "None", "4", "5"]


async def test_a_reader_that_is_too_slow_is_dropped_and_holds_nothing(open_reader, monkeypatch):
    monkeypatch.setattr(readers, "QUEUE", 5)
    slow, quick = await open_reader(), await open_reader()
    assert await slow.read(0.05) == []
    for number in range(1, 8):
        await said()
        assert await read_numbers(quick, number) == [number]
    with pytest.raises(StreamEnded) as ended:
        await slow.read()
    assert ended.value.code == Close.TOO_SLOW
    assert not slow.queue
    assert await read_numbers(await open_reader(after=slow.last), 7) == list(range(1, 8))


async def test_a_burst_larger_than_its_queue_does_not_drop_a_quick_reader(open_reader, monkeypatch):
    monkeypatch.setattr(readers, "QUEUE", 100)
    reader = await open_reader()
    reading = asyncio.create_task(read_numbers(reader, 1000))

    def burst() -> None:
        with transaction.atomic():
            for _ in range(1000):
                emit(topic="rooms/1", kind="room.said", data={})

    await database_sync_to_async(burst, thread_sensitive=False)()
    assert await reading == list(range(1, 1001))


async def test_the_hub_lets_go_of_topics_without_readers_and_ends_with_the_last(open_reader, monkeypatch):
    monkeypatch.setattr(hub, "CHECK", 0.05)
    reader = await open_reader()
    running = hub.hub().task
    reader.leave()
    await asyncio.wait_for(running, 5)
    assert hub.hub().channels == {}
    again = await open_reader()
    await said()
    assert await read_numbers(again, 1) == [1]


async def test_a_topic_that_is_joined_just_when_empty_ones_are_let_go_is_heard(open_reader):
    await open_reader(room=2)
    async with hub.hub().commands:
        letting_go = asyncio.create_task(hub.hub().unsubscribe_empty())
        await asyncio.sleep(0)
        joining = asyncio.create_task(open_reader())
        while hub.channel_of("rooms/1").encode() not in hub.hub().channels:
            await asyncio.sleep(0)
    await letting_go
    reader = await joining
    assert await reader.read(0.01) == []
    await said()
    assert await read_numbers(reader, 1) == [1]


async def test_while_there_is_no_server_to_push_readers_read_the_log(open_reader, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "CHECK", 0.05)
    monkeypatch.setattr(hub, "CONFIRMATION", 0.05)
    settings.REDIS_URL = f"unix://{tmp_path / 'nobody.sock'}"
    await said("before")
    reader = await open_reader(after=0)
    assert await read_numbers(reader, 1) == [1]
    await said("later")
    assert await read_numbers(reader, 2) == [2]


async def test_a_reader_whose_access_ends_is_not_given_the_event_that_ended_it(open_reader, rooms):
    reader = await open_reader()
    await said("one")
    assert await read_numbers(reader, 1) == [1]
    rooms.hidden_from.add("alice")
    await database_sync_to_async(say, thread_sensitive=False)("hidden now", kind="room.updated")
    with pytest.raises(StreamEnded) as ended:
        await asyncio.wait_for(reader.read(), 5)
    assert ended.value.code == Close.NOT_FOUND


async def test_an_access_event_reaches_those_who_keep_their_access(open_reader):
    reader = await open_reader()
    await database_sync_to_async(say, thread_sensitive=False)("new title", kind="room.updated")
    assert await read_numbers(reader, 1) == [1]


async def test_access_that_ends_silently_is_noticed(open_reader, rooms, monkeypatch):
    monkeypatch.setattr(hub, "CHECK", 0.02)
    reader = await open_reader()
    rooms.hidden_from.add("alice")
    with pytest.raises(StreamEnded) as ended:
        await asyncio.wait_for(reader.read(), 5)
    assert ended.value.code == Close.NOT_FOUND


async def test_no_thread_and_no_connection_is_held_while_a_reader_waits(open_reader):
    from django.db import connection

    waiting = [asyncio.create_task((await open_reader()).read(5)) for _ in range(20)]
    await asyncio.sleep(0.1)
    assert connection.pool.get_stats()["pool_size"] - connection.pool.get_stats()["pool_available"] <= 1
    await said()
    assert [len(frames) for frames in await asyncio.gather(*waiting)] == [1] * 20


class Writer:
    """A run that writes message 1 of rooms/1 and now and then begins anew, with the events around it."""

    def __init__(self) -> None:
        self.text = ""
        self.attempt = 100
        self.server = asyncio_client()

    def begin(self) -> None:
        with transaction.atomic():
            emit(topic="rooms/1", kind="message.created", data={"message": {"id": 1}})

    def end(self) -> None:
        with transaction.atomic():
            emit(topic="rooms/1", kind="message.completed", data={"message": {"id": 1, "text": self.text}})
            transaction.on_commit(lambda: seal_text(1))

    async def write(self, text: str) -> None:
        if text == "ANEW":
            self.text, self.attempt, text = "", self.attempt + 1, "anew "
        await publish_deltas(self.server, [Delta(("rooms/1",), 1, self.attempt, len(self.text), text)])
        self.text += text


def follow(frames: list[Frame]) -> str | None:
    """What a client shows before the end of the message is told, None for nothing; fails where a rule is broken."""
    seen: str | None = None
    begun = False
    ended = False
    attempt = 0
    for frame in frames:
        data = json.loads(frame.text)["data"]
        if frame.kind == "message.created":
            begun = True
        elif frame.kind == "message.delta":
            assert begun, "a delta before its message"
            assert not ended, "a delta after the end of its message"
            seen = seen or ""
            assert data["offset"] <= len(seen), "a delta after a hole"
            assert data["attempt"] >= attempt, "a delta of an earlier attempt"
            seen, attempt = seen[: data["offset"]] + data["text"], data["attempt"]
        elif frame.kind == "message.completed":
            ended = True
    return seen


async def test_whenever_a_reader_joins_its_text_is_whole_and_in_order(open_reader):
    chance = random.Random(7)
    writer = Writer()

    async def join_and_read() -> list[Frame]:
        await asyncio.sleep(chance.random() * 0.6)
        reader = await open_reader(after=0)
        return await read_until(reader, lambda frames: "message.completed" in [frame.kind for frame in frames])

    reading = [asyncio.create_task(join_and_read()) for _ in range(25)]
    await database_sync_to_async(writer.begin, thread_sensitive=False)()
    for step in range(120):
        await writer.write("ANEW" if chance.random() < 0.05 else f"{step} ")
        await asyncio.sleep(0.004)
    await database_sync_to_async(writer.end, thread_sensitive=False)()
    shown = [follow(frames) for frames in await asyncio.gather(*reading)]
    # Those who came after the end have its text from the event alone.
    assert set(shown) <= {writer.text, None}
    assert shown.count(writer.text) > 15


async def test_a_reader_that_starts_now_is_given_the_text_so_far(open_reader):
    writer = Writer()
    await database_sync_to_async(writer.begin, thread_sensitive=False)()
    await writer.write("said before, ")
    reader = await open_reader()
    [so_far] = await reader.read()
    await writer.write("and after")
    [more] = await reader.read()
    shown = [json.loads(frame.text)["data"] for frame in (so_far, more)]
    assert [(data["offset"], data["text"]) for data in shown] == [(0, "said before, "), (13, "and after")]


async def test_text_of_a_message_that_has_ended_is_not_shown_again(open_reader):
    writer = Writer()
    await database_sync_to_async(writer.begin, thread_sensitive=False)()
    await writer.write("said")
    await database_sync_to_async(writer.end, thread_sensitive=False)()
    reader = await open_reader(after=0)
    assert [frame.kind for frame in await reader.read()] == ["message.created", "message.completed"]
