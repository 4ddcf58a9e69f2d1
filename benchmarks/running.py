"""What the benchmarks share: Gathering as `up` starts it, programs to compare it with, and figures as a table."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from gathering_site import environment
from tests.up.gathering import Gathering

NOT_FOR_BENCHMARKS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY")
"""Without them `up` brings databases of its own, and `demo` answers."""


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A scratch folder in which `up` keeps everything, also for what of this process looks there."""
    for name in NOT_FOR_BENCHMARKS:
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="gathering-benchmark-") as folder:
        os.chmod(folder, 0o711)  # The database's user passes through.
        os.environ["GATHERING_DATA"] = folder
        yield Path(folder)


@contextlib.contextmanager
def gathering() -> Iterator[Gathering]:
    """A running `manage.py up` in a scratch data folder."""
    with data_folder() as folder:
        running = Gathering(folder)
        try:
            yield running.wait_until_ready()
        finally:
            running.stop()


class Program(NamedTuple):
    pid: int
    port: int


@contextlib.contextmanager
def program(module: str, *arguments: str) -> Iterator[Program]:
    """A module of ours as a process, which prints the port it listens on when it does."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=environment.BASE) as process:
        try:
            yield Program(process.pid, int(process.stdout.readline()))
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    """Processor time that the process has used so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def percentile(values: list[float], share: int) -> float:
    """The value that so many percent are not above."""
    return sorted(values)[len(values) * share // 100]


def table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """In Markdown."""
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in [columns, ["---"] * len(columns), *rows])


def cell(value: object) -> str:
    """A fraction has two digits as long as they matter."""
    return f"{value:,.{2 if abs(value) < 100 else 0}f}" if isinstance(value, float) else str(value)
