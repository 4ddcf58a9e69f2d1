"""What the supervisor can keep running: the embedded servers, and our own Python programs."""

import os
import select
import signal
import sys
from collections.abc import Sequence
from signal import Signals
from typing import Protocol

from gathering_site import environment
from gathering_site.embedded.user import ServerUser


class Program(Protocol):
    """How something is started, and how one sees that it is ready. `stop_signal` asks it to end well; the kernel sends
    `orphan_signal` when the supervisor is killed."""

    @property
    def name(self) -> str: ...
    @property
    def arguments(self) -> list[str]: ...
    @property
    def environment(self) -> dict[str, str]: ...
    @property
    def user(self) -> ServerUser | None: ...
    @property
    def stop_signal(self) -> Signals: ...
    @property
    def orphan_signal(self) -> Signals: ...

    def prepare(self) -> None:
        """Comes before each start, in a thread. Raises ImproperlyConfigured where it cannot be started."""

    def ready(self, pid: int) -> bool:
        """Whether the process with this pid does its work."""


class PythonProgram:
    """One of our own: it says through a pipe that it is ready (`environment.tell_ready`). `descriptors` are handed down
    to it."""

    user = None
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGKILL

    def __init__(self, name: str, *arguments: str, descriptors: Sequence[int] = ()) -> None:
        self.name = name
        self.arguments = [sys.executable, *arguments]
        self.handed_down = descriptors
        self.pipe: tuple[int, int] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {environment.READY_DESCRIPTOR: str(self.descriptors[-1]), "PYTHONUNBUFFERED": "1"}

    @property
    def descriptors(self) -> list[int]:
        if self.pipe is None:
            raise RuntimeError("prepare() comes first")
        return [*self.handed_down, self.pipe[1]]

    def prepare(self) -> None:
        for end in self.pipe or ():
            os.close(end)
        self.pipe = os.pipe()

    def ready(self, pid: int) -> bool:
        return self.pipe is not None and bool(select.select([self.pipe[0]], [], [], 0)[0])


def server(descriptor: int) -> PythonProgram:
    return PythonProgram("server", "manage.py", "serve", "--fd", str(descriptor), descriptors=[descriptor])


def worker() -> PythonProgram:
    # Workers have nothing to tell each other: what they share is in the database.
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    name = f"worker-{os.getpid()}@%h"
    # Celery warns of root because of formats that can run code; ours is JSON.
    quiet = ("-W", "ignore:You're running the worker with superuser privileges")
    return PythonProgram("worker", *quiet, "-m", "celery", "-q", "-A", "gathering_site", "worker", "-n", name, *alone)


def beat() -> PythonProgram:
    name = f"beat-{os.getpid()}@%h"
    return PythonProgram("beat", "-m", "celery", "-q", "-A", "gathering_site.beat", "beat", "-n", name)
