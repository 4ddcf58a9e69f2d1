"""The life of a run: queued, claimed by a worker, finished or cancelled.

Each beginning and end of a run holds two row locks, always in this order: its subject's (`Host.lock`), then the run's
own. So the runs of one conversation begin and end one after the other, and whoever looks under the subject's lock sees
them as they are. What a worker does in between holds the run's own lock."""

from datetime import timedelta

import msgspec
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from agents.choices import AgentStatus, RunState
from agents.engine.run import joined_text
from agents.engine.settings import AgentSettings
from agents.events import RUN_FINISHED, RUN_QUEUED, RUN_STARTED, emit_run
from agents.hosts import host_of
from agents.models import Agent, Run
from agents.prices import price_of
from agents.services.steps import read_rounds, total_usage
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict
from gathering_site.events.live import read_text, seal_text

LEASE = timedelta(seconds=settings.RUN_LEASE_SECONDS)

MAXIMUM_CLAIMS = 10
"""A run that takes its worker down with it each time must not do so for ever."""


def enqueue(run_id: int) -> None:
    """A task that no worker takes in time is void: beat has sent another one by then, so a backlog of runs does not
    become a larger one of tasks."""
    current_app.send_task("agents.execute_run", args=[run_id], expires=settings.RUN_ENQUEUE_PATIENCE.total_seconds())


def check_active(agent: Agent) -> None:
    """Raises Conflict for an agent that does not answer."""
    if agent.status != AgentStatus.ACTIVE:
        raise Conflict(f"{agent.name} is {agent.status}; set its status to active first.", field="agent")


@transaction.atomic
def queue_run(*, actor: Actor, agent: Agent, subject: str) -> Run:
    """A new run of the agent for the subject, on its way to a worker after commit. The caller holds the subject's lock.
    A run of the agent that this person asked for and that has not begun is given back instead: it has not read the
    history yet, so it will answer what came since. Raises Conflict for an agent that is not active."""
    check_active(agent)
    waiting = Run.objects.filter(agent=agent, subject=subject, user=actor.person, state=RunState.QUEUED, answer=None)
    if found := waiting.first():
        return found
    bounds = AgentSettings.from_json(agent.settings).bounds
    run = Run.objects.create(
        agent=agent, user=actor.person, subject=subject, bounds=bounds.to_json(), enqueued_at=timezone.now()
    )
    emit_run(run, RUN_QUEUED)
    transaction.on_commit(lambda: enqueue(run.pk), robust=True)
    return run


def lock_run(run_id: int) -> Run:
    """The run under its subject's lock and its own; raises Run.DoesNotExist."""
    host, identifier = host_of(Run.objects.values_list("subject", flat=True).get(pk=run_id))
    host.lock(identifier)
    return Run.objects.select_for_update(of=("self",)).select_related("agent__owner").get(pk=run_id)


@transaction.atomic
def claim_run(*, run_id: int, worker: str) -> int | None:
    """The claim's number: the run is now held by this worker for the length of a lease. None when it is not to be had:
    it is finished, another worker holds it, or an earlier run of the same agent on the same subject comes first. So a
    task that is delivered twice does nothing the second time."""
    try:
        run = lock_run(run_id)
    except Run.DoesNotExist:
        return None
    if not Run.objects.filter(pk=run_id).claimable().exists():
        return None
    if run.agent.status != AgentStatus.ACTIVE:
        end_run(run, state=RunState.CANCELLED, reason=f"{run.agent.name} is {run.agent.status}.", text=None)
        return None
    if run.attempt >= MAXIMUM_CLAIMS:
        end_run(run, state=RunState.FAILED, reason=f"It lost its worker {run.attempt} times.", text=None)
        return None
    run.seconds_worked += seconds_held(run)
    run.state = RunState.RUNNING
    run.worker = worker
    run.attempt += 1
    run.claimed_at = timezone.now()
    run.started_at = run.started_at or run.claimed_at
    run.lease_until = run.claimed_at + LEASE
    host, _ = host_of(run.subject)
    first = run.answer is None
    run.answer = host.open_answer(run)
    run.save(
        update_fields=[
            "state",
            "worker",
            "attempt",
            "started_at",
            "claimed_at",
            "lease_until",
            "seconds_worked",
            "answer",
        ]
    )
    if first:
        emit_run(run, RUN_STARTED)
    return run.attempt


def seconds_held(run: Run) -> float:
    """How long the run's worker has had it, up to the last renewal of its lease; 0 without one."""
    if not (run.claimed_at and run.lease_until):
        return 0.0
    return max(0.0, (run.lease_until - LEASE - run.claimed_at).total_seconds())


def renew_leases(*, worker: str, run_ids: list[int]) -> set[int]:
    """Prolongs the leases of these runs in one statement; gives the ids of those that the worker still holds."""
    held = Run.objects.held_by(worker=worker).filter(pk__in=run_ids)
    with transaction.atomic():
        ids = set(held.select_for_update().order_by("pk").values_list("pk", flat=True))
        Run.objects.filter(pk__in=ids).update(lease_until=Now() + LEASE)
    return ids


@transaction.atomic
def finish_run(*, run_id: int, worker: str, claim: int, state: RunState, reason: str, text: str) -> bool:
    """Ends a run in its worker's name; False, and nothing changed, when the run is no longer the worker's."""
    run = lock_run(run_id)
    if (run.state, run.worker, run.attempt) != (RunState.RUNNING, worker, claim):
        return False
    end_run(run, state=state, reason=reason, text=text)
    return True


@transaction.atomic
def release_run(*, run_id: int, worker: str, claim: int) -> None:
    """Gives a run back to the queue because its worker is stopping."""
    run = Run.objects.held_by(worker=worker).filter(pk=run_id, attempt=claim).select_for_update().first()
    if run is None:
        return
    run.seconds_worked += seconds_held(run)
    run.state, run.worker, run.lease_until, run.enqueued_at = RunState.QUEUED, "", None, None
    run.save(update_fields=["seconds_worked", "state", "worker", "lease_until", "enqueued_at"])


@transaction.atomic
def cancel_run(*, actor: Actor, run: Run) -> Run:
    """Ends the run at once, whether its worker lives or not: what was written stays. Its worker finds out when it next
    renews its lease or stores a step. Raises Conflict when the run has ended already."""
    locked = lock_run(run.pk)
    if locked.finished_at:
        raise Conflict(f"The run has ended already: it is {locked.state}.")
    who = actor.user.get_username() if actor.user else "the system"
    end_run(locked, state=RunState.CANCELLED, reason=f"Stopped by {who}.", text=None)
    return locked


def end_run(run: Run, *, state: RunState, reason: str, text: str | None) -> None:
    """The one end of every run, under its locks. Without `text` the answer is what readers have seen so far, or what is
    stored, where that is more."""
    if text is None:
        stored = joined_text(read_rounds([run.pk])[run.pk])
        text = max(read_text(run.answer) if run.answer else "", stored, key=len)
    run.state, run.reason, run.finished_at, run.lease_until = state, reason, timezone.now(), None
    usage = total_usage(run)
    run.usage = msgspec.to_builtins(usage)
    run.cost = price_of(usage, provider=run.provider, model=run.model)
    run.save(update_fields=["state", "reason", "finished_at", "lease_until", "usage", "cost"])
    if run.answer:
        host, _ = host_of(run.subject)
        host.close_answer(run, text=text)
        answer = run.answer
        # Text that the worker still sends after this is dropped, not shown behind the end.
        transaction.on_commit(lambda: seal_text(answer), robust=True)
    emit_run(run, RUN_FINISHED)
    enqueue_next(run)


def enqueue_next(run: Run) -> None:
    following = (
        Run.objects.filter(agent=run.agent_id, subject=run.subject, state=RunState.QUEUED).order_by("pk").first()
    )
    if following:
        transaction.on_commit(lambda: enqueue(following.pk), robust=True)


def enqueue_forgotten_runs(*, at_most: int = 1000) -> int:
    """Sends a task for each run that waits for a worker and has none on its way; gives how many. Two at once share the
    rows between them (`skip_locked`)."""
    with transaction.atomic():
        forgotten = Run.objects.forgotten().select_for_update(skip_locked=True).order_by("pk")
        ids = list(forgotten.values_list("pk", flat=True)[:at_most])
        Run.objects.filter(pk__in=ids).update(enqueued_at=Now())
    for run_id in ids:
        enqueue(run_id)
    return len(ids)
