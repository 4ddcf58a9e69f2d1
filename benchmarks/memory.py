"""What each process of a running `up` takes."""

import time
from collections import defaultdict
from dataclasses import dataclass

import psutil

from benchmarks import running
from tests.up.gathering import Gathering

MEBIBYTE = 2**20
PROGRAMS = {"serve": "server", "worker": "worker", "beat": "beat"}
"""What a program's command line holds, and what `up` calls it."""


@dataclass
class Taken:
    """By all processes of one program: MiB of memory, and the share of a core. PSS counts memory that several processes
    share in equal parts, so that sums are true; RSS counts it for each of them. Only Linux tells PSS; 0 elsewhere."""

    processes: int = 0
    pss: float = 0.0
    rss: float = 0.0
    core: float = 0.0


def watch(gathering: Gathering, seconds: float) -> dict[str, Taken]:
    """By program, as it is when these seconds have passed."""
    before = {process.pid: running.cpu_seconds(process.pid) for process in gathering.processes()}
    time.sleep(seconds)
    taken: dict[str, Taken] = defaultdict(Taken)
    for process in gathering.processes():
        memory = process.memory_full_info()
        program = taken[name_of(process)]
        program.processes += 1
        program.pss += getattr(memory, "pss", 0) / MEBIBYTE
        program.rss += memory.rss / MEBIBYTE
        program.core += (running.cpu_seconds(process.pid) - before.get(process.pid, 0.0)) / seconds
    return taken


def name_of(process: psutil.Process) -> str:
    for server in ("postgres", "valkey"):
        if process.name().startswith(server):
            return server
    return next((name for word, name in PROGRAMS.items() if word in process.cmdline()), "up")


def figures(rest: dict[str, Taken], busy: dict[str, Taken]) -> str:
    rows = [[name, *cells(rest[name]), *cells(busy[name])] for name in busy]
    total = ["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])]
    columns = ["processes", "PSS MiB", "RSS MiB", "core"]
    return running.table(["program, at rest and busy", *columns, *columns], [*rows, total])


def cells(taken: Taken) -> list[float]:
    return [taken.processes, taken.pss, taken.rss, taken.core]
