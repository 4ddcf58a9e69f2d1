"""List, get and create of agents, this server beside a bare ASGI function with psycopg on the same database, in one
run.

    python -m benchmarks.rest [--clients 1 16 64] [--seconds 1.5] [--rounds 3]

In each round the two take turns for every request and every number of clients; the figures are medians of the rounds,
the ratio is the median of the rounds' ratios. What `create` left is removed in between."""

import argparse
import itertools
import multiprocessing
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import NamedTuple

import psycopg

from benchmarks import running
from benchmarks.load import Load, load
from gathering_site import environment
from tests.up.gathering import Gathering

AGENTS = 50
REQUESTS = ("list", "get", "create")


class Target(NamedTuple):
    url: str
    pid: int


class Result(NamedTuple):
    load: Load
    core: float
    """Share of a core that the server took."""


def fill(gathering: Gathering) -> int:
    """Makes the agents; gives the id of the last one."""
    for number in range(AGENTS):
        body = {"name": f"Agent {number}", "provider": "demo", "model": "demo", "system_prompt": "Be brief. " * 20}
        made = gathering.client.post("/agents", json=body).raise_for_status().json()
    return made["id"]


def remove_later_agents(database: psycopg.Connection, last: int) -> None:
    database.execute("DELETE FROM agents_agentrevision WHERE agent_id > %s", [last])
    database.execute("DELETE FROM agents_agent WHERE id > %s", [last])
    database.execute("VACUUM ANALYZE agents_agent, agents_agentrevision")


def compare(ours: Target, bare: Target, token: str, last: int, database: str, options: argparse.Namespace) -> None:
    cells = list(itertools.product(REQUESTS, options.clients))
    results: dict[tuple[str, int], list[tuple[Result, Result]]] = defaultdict(list)
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as clients,
        psycopg.connect(database, autocommit=True) as connection,
    ):

        def measure(target: Target, request: str, count: int, seconds: float) -> Result:
            cpu = running.cpu_seconds(target.pid)
            asked = clients.submit(
                load, target.url, token, request=request, agent=last, clients=count, seconds=seconds
            ).result()
            return Result(asked, (running.cpu_seconds(target.pid) - cpu) / seconds)

        for request, target in itertools.product(REQUESTS, (ours, bare)):
            measure(target, request, 16, 0.5)  # Until every connection and every statement is prepared.
        for _ in range(options.rounds):
            for request, count in cells:
                remove_later_agents(connection, last)
                pair = [measure(target, request, count, options.seconds) for target in (ours, bare)]
                results[request, count].append((pair[0], pair[1]))
    print(figures(results))


def figures(results: dict[tuple[str, int], list[tuple[Result, Result]]]) -> str:
    rows = []
    for (request, count), rounds in results.items():
        row = [request, count, median(ours.load.rate / bare.load.rate for ours, bare in rounds)]
        for side in zip(*rounds, strict=True):
            row += [median(getattr(result.load, name) for result in side) for name in ("rate", "p50", "p99")]
            row.append(f"{median(r.core for r in side):.2f}, {median(r.load.core for r in side):.2f}")
        rows.append(row)
    columns = ["requests/s", "p50 ms", "p99 ms", "core of server, of clients"]
    ours, bare = ([f"{name}: {columns[0]}", *columns[1:]] for name in ("gathering", "bare"))
    return running.table(["request", "clients", "ratio", *ours, *bare], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    with running.gathering() as gathering:
        database = f"host={environment.run_folder()} dbname=gathering user=gathering"
        last = fill(gathering)
        server = gathering.child("serve", "--fd")
        with running.program("benchmarks.bare_rest", database) as bare:
            compare(
                Target(gathering.url, server.pid),
                Target(f"http://127.0.0.1:{bare.port}", bare.pid),
                gathering.token,
                last,
                database,
                options,
            )


if __name__ == "__main__":
    main()
