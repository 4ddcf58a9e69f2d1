"""What this app's events carry."""

from typing import Any

from agents.models import Run
from gathering_site.events.services import emit

RUN_QUEUED = "run.queued"
RUN_STARTED = "run.started"
RUN_FINISHED = "run.finished"


def topic_of_run(run: Run) -> str:
    return f"runs/{run.pk}"


def run_data(run: Run) -> dict[str, Any]:
    """A run on the wire: the same in REST answers and in events. `cost` is in US dollars as text, None when not known."""
    prefix, _, identifier = run.subject.partition("/")
    return {
        "id": run.pk,
        "agent": run.agent_id,
        "conversation": int(identifier) if prefix == "conversations" else None,
        "state": run.state,
        "reason": run.reason,
        "usage": run.usage,
        "cost": None if run.cost is None else str(run.cost),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def emit_run(run: Run, kind: str) -> None:
    """Tells of the run on its subject's topic and on its own, always in that order, so that two never wait for each other."""
    for topic in (run.subject, topic_of_run(run)):
        emit(topic=topic, kind=kind, data={"run": run_data(run)})
