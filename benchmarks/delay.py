"""The delay from the moment the upstream sends a token to its receipt by a WebSocket client, beside clients that read
the same upstream directly; and the memory of each process, at rest and during the largest number of conversations.

    python -m benchmarks.delay [--conversations 1 10 50 100] [--seconds 10] [--rate 20]

The upstream is a process of its own that speaks OpenAI's protocol, the clients are one more. Each token is the clock at
its sending. What a client put together must be what is stored, with as many tokens as were sent, in their order."""

import argparse
import contextlib
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import memory, readers, running
from benchmarks.readers import Followed
from gathering_site import environment
from tests.up.gathering import Gathering, until


@contextlib.contextmanager
def paced_upstream(words: int, rate: float) -> Iterator[str]:
    """An upstream that answers every question with so many tokens; gives its base URL."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "port")
        options = ["--port-file", str(file), "--words", str(words), "--rate", str(rate)]
        command = [sys.executable, "-m", "tests.upstreams", "openai", *options]
        with subprocess.Popen(command, cwd=environment.BASE) as process:
            try:
                until(file.exists, "the upstream's port")
                yield f"http://127.0.0.1:{file.read_text()}/v1"
            finally:
                process.terminate()


class Talks:
    """Conversations with one agent whose model is the upstream."""

    def __init__(self, gathering: Gathering, upstream: str) -> None:
        self.client = gathering.client
        account = {"kind": "openai", "base_url": upstream, "api_key": "none", "allow_private": True}
        self.make("/providers", {"name": "upstream", **account})
        self.agent = self.make("/agents", {"name": "Reader", "provider": "upstream", "model": "m"})

    def make(self, path: str, body: dict[str, Any]) -> int:
        return self.client.post(path, json=body).raise_for_status().json()["id"]

    def open(self, count: int) -> list[int]:
        return [self.make("/conversations", {"agents": [self.agent]}) for _ in range(count)]

    def stored_answer(self, conversation: int) -> str:
        return self.client.get(f"/conversations/{conversation}/messages").raise_for_status().json()[-1]["text"]


def faults(followed: Followed, words: int, stored: str) -> list[str]:
    """What is wrong with the text that a client put together."""
    stamps = [int(token) for token in followed.text.split()]
    wrong = {
        "not what is stored": followed.text != stored,
        f"{len(stamps)} tokens of {words}": len(stamps) != words,
        "tokens twice or in another order": any(a >= b for a, b in pairwise(stamps)),
        f"{followed.holes} deltas that do not follow on the text": followed.holes > 0,
    }
    return [fault for fault, found in wrong.items() if found]


def percentiles(everyone: list[Followed]) -> list[float]:
    values = [delay for followed in everyone for delay in followed.delays]
    return [running.percentile(values, share) for share in (50, 99)]


def measure(gathering: Gathering, upstream: str, words: int, options: argparse.Namespace) -> None:
    talks, rows = Talks(gathering, upstream), []
    rest = memory.watch(gathering, 2)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as clients:
        for count in options.conversations:
            direct = clients.submit(readers.directly, upstream, count).result()
            conversations = talks.open(count)
            reading = clients.submit(readers.through_sockets, gathering.url, gathering.token, conversations)
            busy = memory.watch(gathering, options.seconds * 0.7)
            ours = reading.result()
            wrong = [
                fault
                for followed, conversation in zip(ours, conversations, strict=True)
                for fault in faults(followed, words, talks.stored_answer(conversation))
            ]
            tokens = sum(len(followed.delays) for followed in ours)
            rows.append([count, tokens, *percentiles(ours), *percentiles(direct), "; ".join(wrong) or "nothing"])
    columns = ["p50 ms", "p99 ms", "directly: p50 ms", "p99 ms", "lost, doubled or out of order"]
    print(running.table(["conversations", "tokens", *columns], rows))
    print()
    print(memory.figures(rest, busy))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, nargs="+", default=[1, 10, 50, 100])
    parser.add_argument("--seconds", type=float, default=10, help="length of one answer")
    parser.add_argument("--rate", type=float, default=20, help="tokens a second of one answer")
    options = parser.parse_args()

    words = int(options.seconds * options.rate)
    with running.gathering() as gathering, paced_upstream(words, options.rate) as upstream:
        measure(gathering, upstream, words, options)


if __name__ == "__main__":
    main()
