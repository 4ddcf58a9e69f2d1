"""One topic at the hub: brings its frames into order and hands them to the readers."""

import asyncio
from typing import TYPE_CHECKING

from gathering_site.events.frames import Frame

if TYPE_CHECKING:
    from gathering_site.events.reader import Reader

GRACE = 0.1
"""Seconds that frames wait for an earlier number. Commits are in order, the pushes after them need not be: mostly the
missing one is only late, and no reader needs to ask the database."""

HELD = 1000
"""Frames that wait for an earlier number, at most."""


class Channel:
    """`number` is the last one handed on, None where the next frame is to be taken as it comes: then each reader sees
    for itself whether it follows. `held` are frames that came too early, and what came after them, in
    that order."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.number: int | None = None
        self.readers: set[Reader] = set()
        self.subscribed = asyncio.Event()
        self.held: list[Frame] = []
        self.missing: int | None = None
        self.reached = 0

    def subscribe(self) -> None:
        """The subscription holds from now on; what was pushed before may have been missed."""
        self.subscribed.set()
        self.give_up()

    def receive(self, frame: Frame) -> None:
        if not self.held and (frame.number is None or self.number is None or frame.number == self.number + 1):
            self.hand_on(frame)
            return
        self.held.append(frame)
        self.release()
        if self.held and self.missing != self.number:
            self.missing = self.number
            asyncio.get_running_loop().call_later(GRACE, self.stop_waiting, self.number)

    def hand_on(self, frame: Frame) -> None:
        if frame.number is not None:
            self.number = frame.number
        for reader in tuple(self.readers):
            reader.offer(frame)

    def release(self) -> None:
        """Hands on the missing number, if it came, and then what waited for it, in order."""
        if len(self.held) > HELD:
            self.give_up()
        while self.held and self.number is not None:
            first = self.held[0]
            if first.number is None or first.number <= self.number:
                del self.held[0]
                if first.number is None:
                    self.hand_on(first)
                continue
            following = next((frame for frame in self.held if frame.number == self.number + 1), None)
            if following is None:
                break
            self.held.remove(following)
            self.hand_on(following)

    def stop_waiting(self, number: int | None) -> None:
        if self.held and self.number == number:
            self.give_up()

    def give_up(self) -> None:
        """A push may be lost for good: the readers read the log."""
        self.held.clear()
        self.number = self.missing = None
        for reader in self.readers:
            reader.fall_behind()

    def compare(self, number: int) -> None:
        """The log has reached this number. A reader that still lacks what the last comparison knew of has missed a push
        with nothing after it."""
        for reader in self.readers:
            if reader.last < self.reached and not reader.queue and not reader.behind:
                reader.fall_behind()
        self.reached = number
