"""Workers, and what is left when one of them is killed."""

import os
import secrets
import socket

from agents.choices import RunState
from agents.models import Run
from agents.services.runs import release_run


def release_runs_of_dead_workers() -> int:
    """Gives back what workers of this machine hold whose process is gone, so that nobody waits for the end of their
    leases; gives how many. Should one be taken from a living worker after all (a machine of the same name), its next
    step finds that it is lost."""
    host = socket.gethostname()
    held = Run.objects.filter(state=RunState.RUNNING, worker__startswith=f"{host}:")
    lost = [run for run in held.only("pk", "worker", "attempt") if not is_alive(int(run.worker.split(":")[1]))]
    for run in lost:
        release_run(run_id=run.pk, worker=run.worker, claim=run.attempt)
    return len(lost)


def worker_name() -> str:
    """A name that no other worker has or had, and that tells where to look for its process."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
