"""Two kinds of topics for these tests: `rooms`, which everyone but charlie sees, and who writes in them."""

from typing import Any

from gathering_site.common.errors import Conflict
from gathering_site.common.models import User
from gathering_site.events.services import emit
from gathering_site.events.topics import TopicKind


class Rooms:
    """`hidden_from` are user names; `writing` the messages under way, `sent` what clients sent."""

    def __init__(self) -> None:
        self.hidden_from = {"charlie"}
        self.writing: list[int] = []
        self.sent: list[dict[str, Any]] = []
        self.kind = TopicKind(
            name="Room",
            visible=lambda user, identifier: user.username not in self.hidden_from,
            writing=lambda identifier: list(self.writing),
            commands={"send": self.send, "stop": self.stop, "break": self.break_down},
            access_kinds=frozenset({"room.updated"}),
        )

    def send(self, *, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
        self.sent.append({"user": user.username, "room": identifier, "text": frame["text"]})
        return {"place": len(self.sent)}

    def stop(self, *, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
        raise Conflict("Nothing is being written.")

    def break_down(self, *, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("secret detail")
