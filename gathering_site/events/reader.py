"""One reader of one topic, the same for sockets and server-sent events: what is in the log after its number, the text
so far of messages being written, then what comes in."""

import asyncio
import math
from collections import deque
from enum import IntEnum

from django.db import connection, transaction

from gathering_site.common.models import User
from gathering_site.common.socket_auth import Login
from gathering_site.common.threads import in_database
from gathering_site.events.frames import Frame
from gathering_site.events.hub import hub
from gathering_site.events.live import read_live
from gathering_site.events.models import Event
from gathering_site.events.topics import TopicKind

QUEUE = 1000
"""Frames that wait for one reader. One that is slower is dropped and comes back by number."""

PAGE = 500
"""Events a query of a replay."""


class Close(IntEnum):
    """Why a stream ended: the close code of its socket."""

    BAD_REQUEST = 4400
    LOGGED_OUT = 4401
    NOT_FOUND = 4404
    TOO_SLOW = 4008
    FAILED = 4500


class StreamEnded(Exception):
    def __init__(self, code: Close) -> None:
        super().__init__(code.name)
        self.code = code


class Reader:
    """Made by `admission.admit`; then `join`, `read` again and again, `leave` at the end, all on one event loop. `last`
    is the number of the last durable frame given out. Durable frames come without gap or double; a delta of a message
    comes only after the message's beginning and before its end."""

    def __init__(self, topic: str, kind: TopicKind, identifier: int, login: Login, last: int) -> None:
        self.topic = topic
        self.kind = kind
        self.identifier = identifier
        self.login = login
        self.last = last
        self.queue: deque[Frame] = deque()
        self.wake = asyncio.Event()
        self.dropped = False
        self.doubted = False
        self.behind = self.missed = True
        self.attempts: dict[int, int] = {}
        self.news = False

    async def join(self) -> None:
        await hub().join(self)

    def leave(self) -> None:
        hub().leave(self)

    def offer(self, frame: Frame) -> None:
        """A frame from the hub. Never waits and never holds more than QUEUE."""
        if len(self.queue) < QUEUE:
            self.queue.append(frame)
            self.wake.set()
        elif self.behind:
            self.fall_behind()  # It is reading the log, which has all of it.
        else:
            self.queue.clear()
            self.dropped = True
            self.leave()

    def fall_behind(self) -> None:
        """Something may have been missed: the log and the texts so far are read again, and cover what is queued."""
        self.queue.clear()
        self.behind = self.missed = True
        self.wake.set()

    def doubt(self) -> None:
        """The reader's access is to be checked now."""
        self.doubted = True
        self.wake.set()

    async def read(self, patience: float | None = None) -> list[Frame]:
        """The next frames, oldest first. Waits for them, at most `patience` seconds if given: then there are none.
        Raises StreamEnded."""
        while True:
            self.wake.clear()
            if self.dropped:
                raise StreamEnded(Close.TOO_SLOW)
            if self.doubted:
                self.doubted = False
                await in_database(self.check_access, patience=math.inf)
            if frames := await self.catch_up() if self.behind else self.take():
                return frames
            if self.behind:
                continue
            try:
                await asyncio.wait_for(self.wake.wait(), patience)
            except TimeoutError:
                return []

    def take(self) -> list[Frame]:
        """What the queue holds, as far as it follows on `last`."""
        frames = []
        while self.queue:
            frame = self.queue.popleft()
            if frame.number is None:
                if self.fits(frame):
                    frames.append(frame)
            elif frame.number > self.last + 1 or frame.kind in self.kind.access_kinds:
                self.fall_behind()
            elif frame.number > self.last:
                frames.append(frame)
                self.last, self.news = frame.number, True
        return frames

    def fits(self, frame: Frame) -> bool:
        """Whether a transient frame belongs behind what was given out. After catching up the queue may hold deltas from
        before that: those of an earlier attempt than the text so far, and those of a message that has ended. A message
        that was not being written then can only be a new one, and its beginning has been given out."""
        if frame.message is None:
            return True
        attempt = self.attempts.get(frame.message)
        return self.news if attempt is None else frame.attempt >= attempt

    async def catch_up(self) -> list[Frame]:
        """The next page of the log; with its last one the texts so far. Frames that come in meanwhile are queued, so
        nothing falls between."""
        self.missed = False
        frames, writing = await in_database(self.load_page, patience=math.inf)
        if frames:
            self.last = frames[-1].number or self.last
        if len(frames) == PAGE:
            return frames
        texts = await read_live(hub().server, self.topic, writing)
        self.attempts = dict.fromkeys(writing, 0) | {text.message: text.attempt for text in texts if text.message}
        self.news = False
        self.behind = self.missed
        return frames + texts

    def load_page(self) -> tuple[list[Frame], list[int]]:
        """The log after `last` and the messages being written, in one snapshot, so that they agree. Raises
        StreamEnded."""
        user = self.current_user()
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self.check_visible(user)
            frames = Event.objects.frames_after(topic=self.topic, number=self.last, limit=PAGE)
            return frames, self.kind.writing(self.identifier) if len(frames) < PAGE else []

    def check_access(self) -> User:
        """The user, who may still read the topic. Queries the database. Raises StreamEnded."""
        user = self.current_user()
        self.check_visible(user)
        return user

    def current_user(self) -> User:
        if user := self.login():
            return user
        raise StreamEnded(Close.LOGGED_OUT)

    def check_visible(self, user: User) -> None:
        if not self.kind.visible(user, self.identifier):
            raise StreamEnded(Close.NOT_FOUND)
