"""Workers, and what is left when one of them is killed."""

import os
import secrets
import socket
from pathlib import Path

from agents.choices import RunState
from agents.models import Run
from agents.services.runs import release_run


def release_runs_of_dead_workers() -> int:
    """Gives back what workers of this place hold whose process is gone, so that nobody waits for the end of their
    leases; gives how many. Should one be taken from a living worker after all, its next step finds that it is lost."""
    held = Run.objects.filter(state=RunState.RUNNING, worker__startswith=f"{place()}:")
    lost = [run for run in held.only("pk", "worker", "attempt") if not is_alive(int(run.worker.split(":")[1]))]
    for run in lost:
        release_run(run_id=run.pk, worker=run.worker, claim=run.attempt)
    return len(lost)


def worker_name() -> str:
    """A name that no other worker has or had, and that tells where to look for its process."""
    return f"{place()}:{os.getpid()}:{secrets.token_hex(4)}"


def place() -> str:
    """Where our process ids mean something: this boot of this machine and, in it, this pid namespace (containers have
    one each, and may share a host name). Without Linux, the host."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}.{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
