"""The event log: numbers, and pushes after commit."""

import json
import random
import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection, transaction

from gathering_site.events.frames import encode
from gathering_site.events.models import Event, Topic
from gathering_site.events.redis_client import channel_of, client
from gathering_site.events.services import emit
from tests.events.conftest import say


@pytest.fixture
def pushed():
    """Gives what was pushed on rooms/1 since the last time, as texts."""
    with client().pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(channel_of("rooms/1"))
        subscription.get_message(timeout=1)

        def take(count: int) -> list[str]:
            texts: list[str] = []
            while len(texts) < count and (message := subscription.get_message(timeout=1)):
                texts.append(message["data"].decode())
            assert subscription.get_message(timeout=0.01) is None
            return texts

        yield take


def test_numbers_have_no_holes_with_many_writers_some_of_which_roll_back():
    class Regret(Exception):
        pass

    def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            try:
                with transaction.atomic():
                    for topic in ("rooms/1", "rooms/2"):
                        emit(topic=topic, kind="room.said", data={"writer": seed})
                    if chance.random() < 0.3:
                        raise Regret
            except Regret:
                pass
        connection.close()

    writers = [threading.Thread(target=write, args=[seed]) for seed in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for topic in ("rooms/1", "rooms/2"):
        numbers = list(Event.objects.filter(topic=topic).order_by("number").values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
        assert 0 < len(numbers) < 240
        assert Topic.objects.get(pk=topic).number == len(numbers)


def test_the_times_of_events_rise_with_their_numbers():
    with transaction.atomic():
        for _ in range(3):
            emit(topic="rooms/1", kind="room.said", data={})
    times = list(Event.objects.order_by("number").values_list("at", flat=True))
    assert times == sorted(times)


def test_an_event_outside_a_transaction_is_refused():
    with pytest.raises(transaction.TransactionManagementError, match="inside the transaction"):
        emit(topic="rooms/1", kind="room.said", data={})


def test_what_is_pushed_and_what_is_replayed_are_the_same_text(pushed):
    at = datetime(2026, 5, 17, 8, 30, tzinfo=UTC)
    data = {"text": 'Grüße 🎈 "quoted"', "cost": Decimal("0.1200"), "at": at, "nothing": None, "share": 0.1}
    with transaction.atomic():
        frame = emit(topic="rooms/1", kind="room.said", data=data)
    [text] = pushed(1)
    [replayed] = Event.objects.frames_after(topic="rooms/1", number=0, limit=10)
    assert text == frame.text == replayed.text
    read = json.loads(text)
    assert list(read) == ["topic", "number", "kind", "at", "data"]
    assert (read["topic"], read["number"], read["kind"]) == ("rooms/1", 1, "room.said")
    assert read["at"].endswith("Z") and datetime.fromisoformat(read["at"])
    assert read["data"] == json.loads(encode(data)) | {"cost": "0.1200", "at": "2026-05-17T08:30:00Z"}


def test_nothing_is_pushed_before_commit_nor_after_a_rollback(pushed):
    with transaction.atomic():
        emit(topic="rooms/1", kind="room.said", data={})
        assert pushed(0) == []
        transaction.set_rollback(True)
    assert pushed(0) == []
    say()
    assert len(pushed(1)) == 1


def test_what_a_rolled_back_savepoint_told_is_not_pushed_and_the_rest_is_in_order(pushed):
    with transaction.atomic():
        emit(topic="rooms/1", kind="room.said", data={"text": "one"})
        with transaction.atomic():
            emit(topic="rooms/1", kind="room.said", data={"text": "regretted"})
            transaction.set_rollback(True)
        with transaction.atomic():
            emit(topic="rooms/1", kind="room.said", data={"text": "two"})
    read = [json.loads(text) for text in pushed(2)]
    assert [(event["number"], event["data"]["text"]) for event in read] == [(1, "one"), (2, "two")]


def test_a_savepoint_rolled_back_last_does_not_hold_back_the_rest(pushed):
    with transaction.atomic():
        emit(topic="rooms/1", kind="room.said", data={"text": "one"})
        with transaction.atomic():
            emit(topic="rooms/1", kind="room.said", data={"text": "regretted"})
            transaction.set_rollback(True)
    assert [json.loads(text)["data"]["text"] for text in pushed(1)] == ["one"]


def test_pushes_leave_after_all_else_that_waits_for_the_commit(pushed):
    seen = []
    with transaction.atomic():
        emit(topic="rooms/1", kind="room.said", data={})
        transaction.on_commit(lambda: seen.append(pushed(0)))
        emit(topic="rooms/1", kind="room.said", data={})
    assert seen == [[]]
    assert len(pushed(2)) == 2


def test_an_event_is_stored_though_it_cannot_be_pushed(settings, tmp_path, caplog):
    settings.REDIS_URL = f"unix://{tmp_path / 'nobody.sock'}"
    say()
    assert Event.objects.count() == 1
    assert "could not be pushed" in caplog.text
