"""What this app's events carry."""

from typing import Any

from agents.models import Agent, AgentRevision, Run, RunStep
from gathering_site.events.services import emit

AGENT_UPDATED = "agent.updated"
RUN_QUEUED = "run.queued"
RUN_STARTED = "run.started"
RUN_FINISHED = "run.finished"


def topic_of_agent(agent_id: int) -> str:
    return f"agents/{agent_id}"


def agent_data(agent: Agent) -> dict[str, Any]:
    """An agent on the wire: the same in REST answers and in events."""
    return {
        "id": agent.pk,
        "name": agent.name,
        "role": agent.role,
        "status": agent.status,
        "provider": agent.provider,
        "model": agent.model,
        "system_prompt": agent.system_prompt,
        "persona": agent.persona,
        "traits": agent.traits,
        "settings": agent.settings,
        "tags": agent.tags,
        "owner": agent.owner_id,
        "visibility": agent.visibility,
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
    }


def revision_data(revision: AgentRevision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "at": revision.at,
        "user": revision.user_id,
        "door": revision.door,
        "changes": revision.changes,
        "values": revision.values,
    }


def topic_of_run(run: Run) -> str:
    return f"runs/{run.pk}"


def run_data(run: Run) -> dict[str, Any]:
    """A run on the wire: the same in REST answers and in events. `cost` is in US dollars as text, None when not
    known."""
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


def step_data(step: RunStep) -> dict[str, Any]:
    """A step on the wire; what providers want back (`native`) stays inside."""
    return {
        "number": step.number,
        "kind": step.kind,
        "state": step.state,
        "text": step.text,
        "reasoning": step.reasoning,
        "tool_calls": step.tool_calls,
        "stop_reason": step.stop_reason,
        "usage": step.usage,
        "call_id": step.call_id,
        "tool": step.tool,
        "arguments": step.arguments,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
    }


def emit_run(run: Run, kind: str) -> None:
    """Tells of the run on its subject's topic and on its own, always in that order, so that two never wait for each
    other."""
    for topic in (run.subject, topic_of_run(run)):
        emit(topic=topic, kind=kind, data={"run": run_data(run)})
