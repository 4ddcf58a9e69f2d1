"""Who does something, and through which door: the first argument of every service."""

from dataclasses import dataclass
from typing import Literal

from gathering_site.common.models import User

Door = Literal["rest", "socket", "browser", "admin", "command", "task", "agent"]


@dataclass(frozen=True)
class Actor:
    """`user` is None only for the system itself (a beat task, the first start)."""

    user: User | None
    door: Door

    @property
    def person(self) -> User:
        """For what only a person can own or ask for; the system must not get there."""
        if self.user is None:
            raise RuntimeError("The system itself cannot do this: it needs a user.")
        return self.user
