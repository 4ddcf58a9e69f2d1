"""The user that the embedded servers run as: ourselves, or an unprivileged one when we are root, whom PostgreSQL
refuses."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from django.core.exceptions import ImproperlyConfigured

from gathering_site.embedded import linux


@dataclass(frozen=True)
class ServerUser:
    name: str
    uid: int
    gid: int
    reads_everything: bool = False
    """It keeps CAP_DAC_READ_SEARCH, since the folders it needs lie under one that it may not enter, such as /root."""

    def become(self) -> None:
        """Turns this process into the user's; for between fork and exec."""
        if self.reads_everything:
            linux.keep_capabilities()
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)
        if self.reads_everything:
            linux.keep_only_reading()

    def can_enter(self, path: Path) -> bool:
        test = shutil.which("test") or "/bin/test"
        return subprocess.run([test, "-d", f"{path}/."], preexec_fn=self.become, check=False).returncode == 0  # noqa: S603

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def server_user() -> ServerUser | None:
    """None where the servers run as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid)
    raise ImproperlyConfigured(
        "Running as root needs an unprivileged user for the embedded servers, and this machine has neither "
        "`postgres` nor `nobody`. Make one of them, run as another user, or set DATABASE_URL and REDIS_URL."
    )


def server_user_for(folders: list[Path]) -> ServerUser | None:
    """The user to run servers as that need to enter these folders. Raises ImproperlyConfigured where it cannot."""
    user = server_user()
    if user is None:
        return None
    try:
        if not (closed := [folder for folder in folders if not user.can_enter(folder)]):
            return user
        if linux.may_read_everything():
            reader = ServerUser(user.name, user.uid, user.gid, reads_everything=True)
            if all(reader.can_enter(folder) for folder in closed):
                return reader
    except subprocess.SubprocessError as error:
        raise ImproperlyConfigured(
            f"This container or machine does not let root become the user {user.name!r}, and PostgreSQL does not run "
            "as root. Run as another user, or set DATABASE_URL and REDIS_URL."
        ) from error
    raise ImproperlyConfigured(
        f"The user {user.name!r}, as whom the embedded servers run, cannot enter {closed[0]}. Set GATHERING_DATA to a "
        "folder (and put the virtual environment into one) that it can reach, or `chmod a+x` the folders above."
    )


def before_exec(user: ServerUser | None, orphan_signal: Signals) -> Callable[[], None]:
    """What a child does between fork and exec: become the user, and make sure not to outlive its parent, which is the
    process (and thread) that calls this."""
    parent = os.getpid()

    def prepare() -> None:
        if user:
            user.become()
        linux.die_with_parent(orphan_signal, parent)

    return prepare
