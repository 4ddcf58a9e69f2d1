"""What runs need from the app whose topic they work for. `conversations` registers its host here at start-up, so that
this app needs to know nothing of the apps above it."""

from typing import Protocol

from agents.models import Run
from agents.providers.base import Turn


class Host(Protocol):
    """Every method but `read_history` is called inside the transaction that changes the run."""

    def lock(self, identifier: int) -> None:
        """Takes the row lock under which all runs of this subject change. It is always taken before a run's own row."""
        ...

    def open_answer(self, run: Run) -> int:
        """The id of the message that the run writes, made on its first claim and found again on later ones."""
        ...

    def read_history(self, run: Run, *, messages: int) -> list[Turn]:
        """The last `messages` messages before the run's answer, as its agent sees them; well formed, first a user's
        turn."""
        ...

    def close_answer(self, run: Run, *, text: str) -> None:
        """The run has ended in `run.state` with `run.reason`; `text` is what it wrote."""
        ...


HOSTS: dict[str, Host] = {}


def register(prefix: str, host: Host) -> None:
    HOSTS[prefix] = host


def host_of(subject: str) -> tuple[Host, int]:
    """The host and the id of `conversations/12`."""
    prefix, _, identifier = subject.partition("/")
    return HOSTS[prefix], int(identifier)
