"""Fan-out: one topic read by many sockets, this server beside bare `websockets` and Redis, in one run.

    python benchmarks/fanout.py [--sockets 200] [--rate 100] [--seconds 5] [--rounds 3]

Each round gives both servers the same frames on the same Valkey: first at the rate, with the delay from publishing to
receipt, then as many as they can take (at most WINDOW frames under way). Both run as one process."""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis.asyncio

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.frame_counter import FrameCounter  # noqa: E402
from gathering_site import environment  # noqa: E402

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


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        cpu, begun = cpu_seconds(target.pid), time.perf_counter()
        for number in range(frames):
            await asyncio.sleep(begun + number / rate - time.perf_counter())
            await client.publish(target.channel, frame(text))
        await asyncio.wait_for(received(counters, frames), 60)
        lasted = time.perf_counter() - begun
        delays = sorted(delay for counter in counters for delay in counter.delays)
        result = {
            "deliveries/s": frames * count / lasted,
            "p50 ms": 1000 * delays[len(delays) // 2],
            "p99 ms": 1000 * delays[len(delays) * 99 // 100],
            "core": (cpu_seconds(target.pid) - cpu) / lasted,
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


@contextlib.contextmanager
def bare(url: str, channel: str) -> Iterator[Target]:
    command = [sys.executable, str(ROOT / "benchmarks/bare_fanout.py"), url, channel]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield Target("bare websockets + Redis", process.pid, int(process.stdout.readline()), "/", {}, channel)
        process.terminate()


@contextlib.contextmanager
def gathering() -> Iterator[Target]:
    """`manage.py up` in a scratch data folder; the topic is its starter conversation."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        os.environ["GATHERING_DATA"] = folder
        ready = Path(folder, "ready")
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", "--ready-file", str(ready)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True) as process:
            while not ready.exists():
                assert process.poll() is None, "`manage.py up` ended"
                time.sleep(0.1)
            time.sleep(0.1)
            told = json.loads(ready.read_text())
            [server] = [child for child in psutil.Process(told["pid"]).children() if "serve" in child.cmdline()]
            headers = {"Authorization": f"Bearer {told['token']}"}
            port = int(told["url"].rpartition(":")[2])
            yield Target("gathering", server.pid, port, f"/ws/{TOPIC}", headers, f"0:events:{TOPIC}")
            process.terminate()


async def compare(targets: list[Target], url: str, options: argparse.Namespace) -> None:
    results: dict[str, list[dict[str, float]]] = {target.name: [] for target in targets}
    async with redis.asyncio.from_url(url) as client:
        for _ in range(options.rounds):
            for target in targets:
                result = await measure(
                    target, client, count=options.sockets, rate=options.rate, seconds=options.seconds
                )
                results[target.name].append(result)
                print(f"{target.name:25}", *(f"{name} {value:,.2f}" for name, value in result.items()), flush=True)
    medians = {
        name: {key: statistics.median(one[key] for one in many) for key in many[0]} for name, many in results.items()
    }
    bare, ours = (medians[target.name] for target in targets)
    for key in ("deliveries/s", "most/s"):
        print(f"{key}: {ours[key]:,.0f} of {bare[key]:,.0f}, ratio {ours[key] / bare[key]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--rate", type=int, default=100, help="frames a second")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    with gathering() as ours:
        url = environment.redis_url()
        with bare(url, "bare") as yardstick:
            asyncio.run(compare([yardstick, ours], url, options))


if __name__ == "__main__":
    main()
