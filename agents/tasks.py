"""Background work of this app. A run's row says what is to be done; these tasks only say that now is a good time."""

import threading

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from agents.runner import Runner
from agents.services.runs import enqueue_forgotten_runs
from agents.services.workers import release_runs_of_dead_workers

running: list[Runner] = []
making = threading.Lock()


def runner() -> Runner:
    """The one runner of this process, made with its first run; the lock keeps two first runs from making two."""
    with making:
        if not running:
            running.append(Runner())
    return running[0]


@shared_task(name="agents.execute_run")
def execute_run(run_id: int) -> None:
    runner().execute(run_id)


@shared_task(name="agents.enqueue_forgotten_runs", expires=10)
def enqueue_runs() -> None:
    enqueue_forgotten_runs()


@worker_ready.connect
def take_up_what_was_left(**_: object) -> None:
    """What waited while no worker ran, or was held by one that was killed, starts now."""
    release_runs_of_dead_workers()
    enqueue_forgotten_runs()


@worker_shutting_down.connect
def stop_runner(**_: object) -> None:
    for runner in running:
        runner.stop()
