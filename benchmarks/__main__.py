"""All benchmarks, one after the other, as a page of Markdown. About five minutes, on a machine that does nothing else.

python -m benchmarks > benchmarks/RESULTS.md
"""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from gathering_site import environment

BENCHMARKS = {
    "rest": "Reach: with 16 clients each ratio at least 0.25.",
    "delay": "Reach: with 100 conversations p50 ≤ 60 ms, p99 ≤ 150 ms, nothing lost; less than 450 MB in all (PSS).",
    "fanout": "Reach: ratio of deliveries/s at least 0.8.",
    "start": "Reach: first token in less than 15 s.",
}


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {model}, {system}."


def main() -> None:
    print(f"# Results\n\n{machine()} Everything, clients included, shares these cores.", flush=True)
    for name, reach in BENCHMARKS.items():
        print(f"\n## {name}\n\n    python -m benchmarks.{name}\n", flush=True)
        print(f"{reach} Load of the machine just before: {os.getloadavg()[0]:.1f}.\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=environment.BASE, check=True)


if __name__ == "__main__":
    main()
