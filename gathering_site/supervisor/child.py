"""One running program: started, watched, started again when it dies, stopped."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable
from contextlib import suppress

from django.core.exceptions import ImproperlyConfigured

from gathering_site import environment
from gathering_site.embedded.user import before_exec
from gathering_site.supervisor.programs import Program

POLL = 0.02
"""Seconds between two looks whether a program is ready."""
STEADY = 10.0
"""Seconds after which a program counts as running well: its next death is not held against it."""
LONGEST_PAUSE = 10.0
LONGEST_LINE = 64 * 1024

Log = Callable[[str, str], None]


class DiedEarly(Exception):
    """A program ended before it was ready."""


class Child:
    """A program under the supervisor's care. `log` takes a name and a line."""

    def __init__(self, program: Program, log: Log) -> None:
        self.program = program
        self.log = log
        self.process: Process | None = None
        self.pump: asyncio.Task[None] | None = None
        self.started_at = 0.0
        self.pause = 0.0

    async def start(self) -> None:
        """Starts the program, in a session of its own: Ctrl-C in the terminal reaches the supervisor alone."""
        program = self.program
        await asyncio.to_thread(program.prepare)
        self.started_at = time.monotonic()
        self.process = await asyncio.create_subprocess_exec(
            *program.arguments,
            env=program.environment,
            cwd="/" if program.user else environment.BASE,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            pass_fds=getattr(program, "descriptors", ()),
            start_new_session=True,
            preexec_fn=before_exec(program.user, program.orphan_signal),
        )
        self.pump = asyncio.create_task(self.show_output(self.process))

    async def show_output(self, process: Process) -> None:
        """Each line of the program's output, cut where it has no end."""
        rest = b""
        while chunk := await process.stdout.read(LONGEST_LINE):  # type: ignore[union-attr]
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.log(self.program.name, line.decode(errors="replace"))
        if rest:
            self.log(self.program.name, rest.decode(errors="replace"))

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def wait_until_ready(self) -> None:
        """Waits for as long as it takes: a database may have much to recover. Raises DiedEarly."""
        while not self.program.ready(self.process.pid):  # type: ignore[union-attr]
            if not self.running:
                await self.pump  # type: ignore[misc]
                raise DiedEarly(f"{self.program.name} {self.how_it_ended()} before it was ready; see its lines above.")
            await asyncio.sleep(POLL)

    def how_it_ended(self) -> str:
        code = self.process.returncode or 0  # type: ignore[union-attr]
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    async def keep_running(self) -> None:
        """Starts the program again whenever it ends, at once if it ran well, else after a pause that grows."""
        while True:
            await self.process.wait()  # type: ignore[union-attr]
            self.sweep()
            ran_well = time.monotonic() - self.started_at > STEADY
            self.pause = 0.0 if ran_well else min(LONGEST_PAUSE, self.pause * 2 or 0.1)
            when = f"in {self.pause:g} seconds" if self.pause else "now"
            self.log(self.program.name, f"{self.program.name} {self.how_it_ended()}; starting it again {when}")
            await asyncio.sleep(self.pause)
            try:
                await self.start()
            except (ImproperlyConfigured, OSError) as error:
                self.log(self.program.name, str(error))

    async def stop(self, patience: float) -> None:
        """Asks the program to end, and kills it when `patience` seconds have passed."""
        if self.process is None or not self.running:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self.process.wait(), patience)
        except TimeoutError:
            self.log(self.program.name, f"{self.program.name} did not end within {patience:g} seconds; killing it")
            self.kill()
            await self.process.wait()
        self.sweep()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(self.program.orphan_signal)  # type: ignore[union-attr]

    def sweep(self) -> None:
        """Ends what the program started in its session and left behind."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # type: ignore[union-attr]
