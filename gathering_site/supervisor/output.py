"""What `up` shows, written by a thread of its own: who does not read it, holds nobody up."""

import os
import queue
import threading
from contextlib import suppress

MOST_LINES = 10_000
"""Lines that wait for a reader; more of them are left out."""


class Output:
    """`descriptor` is where the lines go."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.lines: queue.Queue[str | None] = queue.Queue(MOST_LINES)
        self.thread = threading.Thread(target=self.write_lines, name="output", daemon=True)
        self.thread.start()

    def show(self, line: str) -> None:
        with suppress(queue.Full):
            self.lines.put_nowait(line)

    def write_lines(self) -> None:
        while (line := self.lines.get()) is not None:
            rest = f"{line}\n".encode()
            with suppress(OSError):
                # Not by print(): its lock would be held for as long as nobody reads.
                while rest:
                    rest = rest[os.write(self.descriptor, rest) :]

    def close(self, patience: float) -> None:
        """Gives what waits `patience` seconds to be read."""
        with suppress(queue.Full):
            self.lines.put(None, timeout=patience)
            self.thread.join(patience)
