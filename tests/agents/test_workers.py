"""What a killed worker held goes on at once where one can know that it was killed."""

import os
import subprocess
import sys

import pytest
from django.utils import timezone

from agents.models import Run
from agents.services.runs import claim_run
from agents.services.workers import place, release_runs_of_dead_workers, worker_name
from gathering_site.environment import BASE

NO_PROCESS = 2**30
"""Above every process id that a system gives out."""


def test_what_a_dead_worker_of_this_machine_held_does_not_wait_for_its_lease(run):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert claim_run(run_id=run.pk, worker=f"{place()}:{os.getpid()}:alive") == 1
    assert release_runs_of_dead_workers() == 0
    Run.objects.update(lease_until=timezone.now())
    assert claim_run(run_id=run.pk, worker=f"{place()}:{child.pid}:dead") == 2
    assert release_runs_of_dead_workers() == 1
    assert claim_run(run_id=run.pk, worker=worker_name()) == 3


def test_a_worker_of_another_machine_is_not_judged(run):
    assert claim_run(run_id=run.pk, worker=f"elsewhere:{NO_PROCESS}:x") == 1
    assert release_runs_of_dead_workers() == 0


def test_a_worker_of_another_container_on_a_host_of_this_name_is_not_judged(run):
    program = "import django; django.setup(); from agents.services.workers import worker_name; print(worker_name())"
    container = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    inside = subprocess.run([*container, sys.executable, "-c", program], capture_output=True, text=True, cwd=BASE)
    if inside.stderr.startswith("unshare:"):
        pytest.skip("this machine does not let us make a pid namespace")
    where, process, rest = inside.stdout.strip().split(":")
    assert int(process) < 10, "its process ids start anew"
    assert claim_run(run_id=run.pk, worker=f"{where}:{NO_PROCESS}:{rest}") == 1
    assert release_runs_of_dead_workers() == 0
