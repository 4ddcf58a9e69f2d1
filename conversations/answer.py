"""The answer to a question, followed from outside of the server."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from django.db.models.functions import Now

from agents.choices import RunState
from agents.events import RUN_FINISHED, RUN_STARTED
from agents.models import Run
from conversations.events import topic_of
from conversations.services.chat import Chat
from gathering_site.common.models import User
from gathering_site.common.threads import in_database
from gathering_site.events.admission import admit
from gathering_site.events.frames import MESSAGE_DELTA, Frame
from gathering_site.events.reader import StreamEnded
from gathering_site.events.views import login_of

PICK_UP = 30.0
"""Seconds in which a worker must take up the run."""


class CannotFollow(Exception):
    """The message is one sentence for a person."""


class Answer(msgspec.Struct):
    """What a run writes, as far as the frames taken so far tell; `text` is the whole of it, `state` how the run ended,
    None while it goes on."""

    run: int
    message: int | None = None
    text: str = ""
    started: bool = False
    state: RunState | None = None
    reason: str = ""

    def take(self, frame: Frame) -> None:
        data: dict[str, Any] = msgspec.json.decode(frame.text)["data"]
        if frame.kind == MESSAGE_DELTA:
            if data["message"] == self.message:
                self.text = self.text[: data["offset"]] + data["text"]
        elif "message" in data:
            if data["message"]["run"] == self.run:
                self.message, self.text = data["message"]["id"], data["message"]["text"]
        elif "run" in data and data["run"]["id"] == self.run:
            self.started = self.started or frame.kind == RUN_STARTED
            if frame.kind == RUN_FINISHED:
                self.state, self.reason = RunState(data["run"]["state"]), data["run"]["reason"]


async def follow(said: Chat, *, user: User) -> AsyncIterator[Answer]:
    """The answer to what was said, again and again as it grows, the last time when its run has ended. Raises
    CannotFollow where no worker takes it up, or the user may not read it any more."""
    answer, conversation = Answer(run=said.run.pk), said.message.conversation_id
    where: dict[str, Any] = {"prefix": "conversations", "identifier": conversation, "after": said.number}
    reader = await in_database(admit, login=login_of(user, None), **where)
    try:
        await reader.join()
        while answer.state is None:
            frames = await reader.read(None if answer.started else PICK_UP)
            if not frames and not await in_database(is_busy, conversation=conversation):
                raise CannotFollow(
                    f"No worker took up the message within {PICK_UP:g} seconds: start `manage.py up`, or a worker "
                    "(`celery -A gathering_site worker`). The message is kept, and is answered then."
                )
            for frame in frames:
                answer.take(frame)
            yield answer
    except StreamEnded as end:
        raise CannotFollow(f"The conversation cannot be read any more ({end}).") from end
    finally:
        reader.leave()


def is_busy(conversation: int) -> bool:
    """An earlier run of the conversation is being worked on; the next one waits for it."""
    running = Run.objects.filter(subject=topic_of(conversation), state=RunState.RUNNING)
    return running.filter(lease_until__gt=Now()).exists()
