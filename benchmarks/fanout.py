"""Fan-out: one topic read by many sockets, this server beside bare `websockets` and Redis, in one run.

    python -m benchmarks.fanout [--sockets 200] [--rate 100] [--seconds 5] [--rounds 3]

Each round gives both servers the same frames on the same Valkey: first at the rate, with the delay from publishing to
receipt, then as many as they can take (at most WINDOW frames under way). Both run as one process. Figures are medians
of the rounds, ratios are medians of the rounds' ratios."""

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from statistics import median

import redis.asyncio

from benchmarks import running
from benchmarks.frame_counter import FrameCounter
from gathering_site import environment

WINDOW = 20
"""Frames that may be under way at most when the limit is looked for."""

TOPIC = "conversations/1"


@dataclass
class Target:
    """A server under measurement."""

    name: str
    pid: int
    port: int
    path: str
    headers: dict[str, str]
    channel: str


def frame(text: str) -> str:
    head = f'"topic":"{TOPIC}","kind":"benchmark","at":"2026-01-01T00:00:00Z"'
    return f'{{{head},"data":{{"text":"{text}","sent":{time.time()}}}}}'


@contextlib.asynccontextmanager
async def sockets(target: Target, count: int) -> AsyncIterator[list[FrameCounter]]:
    loop = asyncio.get_running_loop()
    opened = []
    for _ in range(count):
        opened.append(
            await loop.create_connection(lambda: FrameCounter(target.path, target.headers), "127.0.0.1", target.port)
        )
    await asyncio.gather(*(counter.opened for _, counter in opened))
    await asyncio.sleep(0.5)
    yield [counter for _, counter in opened]
    for transport, _ in opened:
        transport.close()


async def received(counters: list[FrameCounter], frames: int) -> None:
    """Returns when every socket has had this many frames."""
    while min(counter.frames for counter in counters) < frames:
        if gone := [counter for counter in counters if counter.code]:
            raise RuntimeError(f"{len(gone)} sockets were closed with {gone[0].code}")
        await asyncio.sleep(0.002)


async def measure(
    target: Target, client: redis.asyncio.Redis, *, count: int, rate: int, seconds: float
) -> dict[str, float]:
    text = "word " * 10
    async with sockets(target, count) as counters:
        frames = int(rate * seconds)
        cpu, begun = running.cpu_seconds(target.pid), time.perf_counter()
        for number in range(frames):
            await asyncio.sleep(begun + number / rate - time.perf_counter())
            await client.publish(target.channel, frame(text))
        await asyncio.wait_for(received(counters, frames), 60)
        lasted = time.perf_counter() - begun
        delays = [delay for counter in counters for delay in counter.delays]
        result = {
            "deliveries/s": frames * count / lasted,
            "p50 ms": 1000 * running.percentile(delays, 50),
            "p99 ms": 1000 * running.percentile(delays, 99),
            "core": (running.cpu_seconds(target.pid) - cpu) / lasted,
        }
        for counter in counters:
            counter.frames = 0
        begun, published = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            if published - min(counter.frames for counter in counters) < WINDOW:
                await client.publish(target.channel, frame(text))
                published += 1
            else:
                await asyncio.sleep(0.001)
        await asyncio.wait_for(received(counters, published), 60)
        result["most/s"] = published * count / (time.perf_counter() - begun)
        return result


async def compare(targets: list[Target], url: str, options: argparse.Namespace) -> None:
    rounds = []
    async with redis.asyncio.from_url(url) as client:
        for _ in range(options.rounds):
            rounds.append(
                [
                    await measure(target, client, count=options.sockets, rate=options.rate, seconds=options.seconds)
                    for target in targets
                ]
            )
    columns = list(rounds[0][0])
    rows = [
        [target.name, *(median(one[column] for one in results) for column in columns)]
        for target, results in zip(targets, zip(*rounds, strict=True), strict=True)
    ]
    ratios = ["ratio", *(median(ours[column] / bare[column] for bare, ours in rounds) for column in columns)]
    print(running.table(["server", *columns], [*rows, ratios]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--rate", type=int, default=100, help="frames a second")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    with running.gathering() as gathering:
        url = environment.redis_url()
        headers = {"Authorization": f"Bearer {gathering.token}"}
        port = int(gathering.url.rpartition(":")[2])
        pid = gathering.child("serve", "--fd").pid
        ours = Target("gathering", pid, port, f"/ws/{TOPIC}", headers, f"0:events:{TOPIC}")
        with running.program("benchmarks.bare_fanout", url, "bare") as process:
            bare = Target("bare websockets + Redis", process.pid, process.port, "/", {}, "bare")
            asyncio.run(compare([bare, ours], url, options))


if __name__ == "__main__":
    main()
