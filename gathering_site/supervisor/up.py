"""The whole life of `up`: lock, listen, start, prepare, announce, watch, stop."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gathering_site import environment, listening
from gathering_site.embedded.postgres import Postgres
from gathering_site.embedded.user import before_exec
from gathering_site.embedded.valkey import Valkey
from gathering_site.prepared import Prepared
from gathering_site.supervisor import programs
from gathering_site.supervisor.announcement import announcement, write_ready_file
from gathering_site.supervisor.child import Child
from gathering_site.supervisor.programs import Program

STOPPING = ({"beat": 5.0, "worker": 5.0}, {"server": 1.5}, {"valkey": 1.0, "postgres": 2.5})
"""What is stopped together, one group after the other, and the seconds that each gets: below 10 in all. Who uses the
database goes before the database."""


class Up:
    """`socket_` is where the server will listen, `show` shows a line to people."""

    def __init__(self, *, socket_: socket.socket, ready_file: Path | None, show: Callable[[str], None]) -> None:
        self.socket = socket_
        self.ready_file = ready_file
        self.show = show
        self.children: dict[str, Child] = {}

    async def run(self) -> None:
        """Runs until SIGINT, SIGTERM or SIGHUP. Raises ImproperlyConfigured or DiedEarly where it cannot start."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)  # type: ignore[union-attr]
        try:
            await self.start()
            async with asyncio.TaskGroup() as group:
                for child in self.children.values():
                    group.create_task(child.keep_running())
        except asyncio.CancelledError:
            self.log("up", "stopping")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self.kill)
            await self.stop()

    async def start(self) -> None:
        self.log("up", f"starting, with all data in {environment.data_folder()}")
        if servers := embedded_servers():
            await self.start_all(*servers)
        prepared = await self.prepare()
        await self.start_all(programs.server(self.socket.fileno()), programs.worker(), programs.beat())
        url = listening.url(self.socket)
        hosts_are_missing = not listening.is_local(self.socket) and not environment.words("GATHERING_HOSTS")
        self.show(announcement(url, prepared, hosts_are_missing=hosts_are_missing))
        if self.ready_file and (token := prepared["script_token"]):
            write_ready_file(self.ready_file, url=url, token=token)

    async def start_all(self, *started: Program) -> None:
        """Starts these programs side by side; returns when all are ready."""
        children = [Child(program, self.log) for program in started]
        self.children |= {child.program.name: child for child in children}
        starting = [asyncio.create_task(child.start()) for child in children]
        try:
            await asyncio.gather(*starting)
        finally:
            # None may come into being behind the back of `stop`.
            await asyncio.wait(starting)
        await asyncio.gather(*(child.wait_until_ready() for child in children))

    async def prepare(self) -> Prepared:
        """Migrates and, on the first start, fills the database: in a process of its own, which takes what it loaded
        with it when it ends."""
        more = ["--script-token"] if self.ready_file else []
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "manage.py", "prepare", "--json", *more),
            cwd=environment.BASE,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
            preexec_fn=before_exec(None, signal.SIGKILL),
        )
        try:
            output, complaint = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        if process.returncode:
            raise ImproperlyConfigured(complaint.decode().rpartition("CommandError: ")[2].strip())
        return json.loads(output)

    async def stop(self) -> None:
        if self.ready_file:
            self.ready_file.unlink(missing_ok=True)
        for together in STOPPING:
            found = [(self.children[name], patience) for name, patience in together.items() if name in self.children]
            await asyncio.gather(*(child.stop(patience) for child, patience in found))

    def kill(self) -> None:
        """Asked to stop once more: nobody gets time any longer."""
        for child in self.children.values():
            if child.running:
                child.kill()

    def log(self, name: str, line: str) -> None:
        self.show(f"{name:<8} | {line}")


def embedded_servers() -> list[Program]:
    """Those that no variable replaces."""
    servers: list[Program] = []
    if not environment.database_url():
        servers.append(Postgres(data=environment.data_folder(), run=environment.make_run_folder()))
    if not os.environ.get("REDIS_URL"):
        servers.append(Valkey(run=environment.make_run_folder()))
    return servers
