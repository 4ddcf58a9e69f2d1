"""Lines for people who may not be reading."""

import os
import time

from gathering_site.supervisor.output import MOST_LINES, Output


def test_lines_come_in_order() -> None:
    reading, writing = os.pipe()
    output = Output(writing)
    for number in range(100):
        output.show(f"line {number}")
    output.close(5)
    os.close(writing)
    with open(reading) as lines:
        assert lines.read().splitlines() == [f"line {number}" for number in range(100)]


def test_nobody_who_reads_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    output = Output(writing)
    start = time.monotonic()
    for number in range(2 * MOST_LINES):
        output.show(f"{number} {'x' * 100}")
    output.close(0.1)
    assert time.monotonic() - start < 2
    os.close(reading)
