"""A topic at the hub: what comes in whatever order is handed on in the right one."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gathering_site.events import channel
from gathering_site.events.channel import Channel
from gathering_site.events.frames import Frame


class Listener:
    """Stands where a reader does."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.fell_behind = 0
        self.falls = asyncio.Event()
        self.queue: list[Frame] = []
        self.behind = False
        self.last = 0

    def offer(self, frame: Frame) -> None:
        self.frames.append(frame)

    def fall_behind(self) -> None:
        self.fell_behind += 1
        self.falls.set()

    @property
    def given(self) -> list[int | str]:
        return [frame.number or frame.text for frame in self.frames]


def numbered(number: int) -> Frame:
    return Frame(text="", kind="room.said", number=number)


def transient(text: str) -> Frame:
    return Frame(text=text, kind="room.typing")


def listening() -> tuple[Channel, Listener]:
    place, listener = Channel("rooms/1"), Listener()
    place.readers.add(listener)  # type: ignore[arg-type]
    place.receive(numbered(1))
    return place, listener


@given(order=st.permutations(range(2, 9)), doubles=st.lists(st.integers(1, 8), max_size=4))
async def test_pushes_in_any_order_are_handed_on_once_and_in_order(order, doubles):
    place, listener = listening()
    for number in [*order, *doubles]:
        place.receive(numbered(number))
    assert listener.given == [1, 2, 3, 4, 5, 6, 7, 8]
    assert not place.held and not listener.fell_behind


async def test_what_is_transient_keeps_its_place_behind_the_events_before_it():
    place, listener = listening()
    for frame in (transient("a"), numbered(3), transient("b"), numbered(2), transient("c")):
        place.receive(frame)
    assert listener.given == [1, "a", 2, 3, "b", "c"]


async def test_a_number_that_does_not_come_sends_the_readers_to_the_log(monkeypatch):
    monkeypatch.setattr(channel, "GRACE", 0.01)
    place, listener = listening()
    place.receive(numbered(3))
    place.receive(transient("a"))
    await asyncio.wait_for(listener.falls.wait(), 5)
    assert listener.given == [1] and listener.fell_behind == 1
    place.receive(numbered(4))
    assert listener.given == [1, 4]


async def test_a_second_hole_behind_one_that_closed_is_given_up_too(monkeypatch):
    monkeypatch.setattr(channel, "GRACE", 0.01)
    place, listener = listening()
    for number in (3, 5, 2):
        place.receive(numbered(number))
    assert listener.given == [1, 2, 3] and not listener.fell_behind
    await asyncio.wait_for(listener.falls.wait(), 5)
    assert listener.fell_behind == 1 and not place.held


async def test_what_waits_for_a_missing_number_is_bounded(monkeypatch):
    monkeypatch.setattr(channel, "HELD", 5)
    place, listener = listening()
    for number in range(3, 10):
        place.receive(numbered(number))
    assert len(place.held) <= 5 and listener.fell_behind == 1


async def test_a_reader_that_lacks_a_number_for_a_whole_look_reads_the_log():
    place, listener = listening()
    listener.last = 1
    place.compare(2)
    assert not listener.fell_behind  # Its push may be on its way.
    place.compare(2)
    assert listener.fell_behind == 1
