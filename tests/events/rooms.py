"""The kind of topics of these tests: rooms, which everyone but bob sees."""

from typing import Any

from gathering_site.common.errors import Conflict, InvalidInput
from gathering_site.common.models import User
from gathering_site.events.models import Event
from gathering_site.events.topics import TopicKind


class Rooms:
    """`hidden_from` are user names, `sent` is what clients sent."""

    def __init__(self) -> None:
        self.hidden_from = {"bob"}
        self.sent: list[dict[str, Any]] = []
        self.kind = TopicKind(
            name="Room",
            visible=lambda user, identifier: user.username not in self.hidden_from,
            writing=self.writing,
            commands={"send": self.send, "stop": self.stop, "break": self.break_down},
            access_kinds=frozenset({"room.updated"}),
        )

    def writing(self, identifier: int) -> list[int]:
        """The messages that have been begun and not ended, by the log itself."""
        told = Event.objects.filter(topic=f"rooms/{identifier}").values_list("data__message__id", flat=True)
        ended = told.filter(kind="message.completed")
        return list(told.filter(kind="message.created").exclude(data__message__id__in=list(ended)))

    def send(self, *, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(frame.get("text"), str):
            raise InvalidInput("A frame of type send needs a text.")
        self.sent.append({"user": user.username, "room": identifier, "text": frame["text"]})
        return {"place": len(self.sent)}

    def stop(self, *, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
        raise Conflict("Nothing is being written.")

    def break_down(self, *, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("secret detail")
