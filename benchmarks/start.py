"""From the command to the demo agent's first streamed token: `manage.py up` in an empty data folder, then again.

    python -m benchmarks.start

A WebSocket client asks the starter agents' conversation as soon as the ready file is there."""

import json
import time
from pathlib import Path

from websockets.sync.client import connect

from benchmarks import running
from tests.up.gathering import Gathering


def start(data: Path) -> tuple[float, float]:
    """Seconds until the ready file is there, and until the first token is."""
    begun = time.monotonic()
    gathering = Gathering(data)
    try:
        gathering.wait_until_ready()
        ready = time.monotonic() - begun
        url = gathering.url.replace("http", "ws", 1) + "/ws/conversations/1"
        with connect(url, additional_headers={"Authorization": f"Bearer {gathering.token}"}) as socket:
            socket.send(json.dumps({"type": "send", "text": "Hello"}))
            while json.loads(socket.recv(timeout=30)).get("kind") != "message.delta":
                pass
        return ready, time.monotonic() - begun
    finally:
        gathering.stop()


def main() -> None:
    with running.data_folder() as data:
        rows = [[name, *start(data)] for name in ("empty data folder", "second start")]
    print(running.table(["start", "ready, s", "first token, s"], rows))


if __name__ == "__main__":
    main()
