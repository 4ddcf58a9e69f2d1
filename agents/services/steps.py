"""The steps of a run: each is stored when it happens, and read back when another worker goes on."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max, QuerySet, Subquery
from django.utils import timezone

from agents.choices import StepKind, StepState
from agents.engine.run import Round
from agents.models import Run, RunStep
from agents.providers.base import Reply, ToolCall, ToolResult, Usage


class Lost(Exception):
    """The run is not this worker's any more: somebody cancelled it, or its lease ran out."""


def hold(*, run_id: int, worker: str, claim: int) -> None:
    """Takes the run's row lock and makes sure that this claim still holds it; raises Lost."""
    held = Run.objects.held_by(worker=worker).filter(pk=run_id, attempt=claim).select_for_update()
    if not held.values_list("pk", flat=True):
        raise Lost


def next_number(run_id: int) -> int:
    return (RunStep.objects.filter(run=run_id).aggregate(last=Max("number"))["last"] or 0) + 1


@transaction.atomic
def store_reply(*, run_id: int, worker: str, claim: int, reply: Reply, before: int, seconds: float) -> None:
    """The model's reply, which took so many seconds, as the run's next step. `before` counts the replies before it: one
    that is there already was stored by a call whose answer got lost with the database's connection. Raises Lost."""
    hold(run_id=run_id, worker=worker, claim=claim)
    if RunStep.objects.filter(run=run_id, kind=StepKind.REPLY).count() > before:
        return
    now = timezone.now()
    RunStep.objects.create(
        run_id=run_id,
        number=next_number(run_id),
        kind=StepKind.REPLY,
        text=storable(reply.text),
        reasoning=storable(reply.reasoning),
        tool_calls=storable(msgspec.to_builtins(reply.tool_calls)),
        native=storable(reply.native),
        native_format=reply.native_format,
        stop_reason=reply.stop_reason,
        usage=msgspec.to_builtins(reply.usage),
        started_at=now - timedelta(seconds=seconds),
        finished_at=now,
    )


@transaction.atomic
def start_tool(*, run_id: int, worker: str, claim: int, call: ToolCall) -> None:
    """The mark that a tool call begins: from here on it may have had an effect. One that is there already stays: it is
    of a call that is made again. Raises Lost."""
    hold(run_id=run_id, worker=worker, claim=claim)
    if tool_steps(run_id).filter(call_id=storable(call.id)).exists():
        return
    RunStep.objects.create(
        run_id=run_id,
        number=next_number(run_id),
        kind=StepKind.TOOL,
        state=StepState.STARTED,
        call_id=storable(call.id),
        tool=storable(call.name),
        arguments=storable(call.arguments),
        started_at=timezone.now(),
    )


@transaction.atomic
def finish_tool(*, run_id: int, worker: str, claim: int, result: ToolResult) -> None:
    """What the call gave, in the step that marks its beginning. Raises Lost."""
    hold(run_id=run_id, worker=worker, claim=claim)
    step = tool_steps(run_id).filter(call_id=storable(result.id)).first()
    if step is None:
        step = RunStep(run_id=run_id, number=next_number(run_id), kind=StepKind.TOOL, started_at=timezone.now())
        step.call_id, step.tool = storable(result.id), storable(result.name)
    step.text = storable(result.text)
    step.state = StepState.FAILED if result.failed else StepState.DONE
    step.finished_at = timezone.now()
    step.save()


def tool_steps(run_id: int) -> QuerySet[RunStep]:
    """The tool calls of the run's last reply; ids of calls count within their reply only."""
    replies = RunStep.objects.filter(run=run_id, kind=StepKind.REPLY).order_by("-number")
    return RunStep.objects.filter(run=run_id, kind=StepKind.TOOL, number__gt=Subquery(replies.values("number")[:1]))


def storable(value: Any) -> Any:
    """The text, or the JSON value, without NUL: PostgreSQL's text has none."""
    match value:
        case str():
            return value.replace("\x00", "")
        case list():
            return [storable(inner) for inner in value]
        case dict():
            return {storable(key): storable(inner) for key, inner in value.items()}
    return value


def read_rounds(run_ids: Iterable[int]) -> dict[int, list[Round]]:
    """The stored steps of these runs as rounds, in order, in one query. Call ids count within their reply only: some
    providers number the calls of each reply from one."""
    rounds: dict[int, list[Round]] = defaultdict(list)
    for step in RunStep.objects.filter(run__in=run_ids).order_by("run_id", "number"):
        if step.kind == StepKind.REPLY:
            rounds[step.run_id].append(Round(reply_of(step)))
        else:
            last = rounds[step.run_id][-1]
            last.started.add(step.call_id)
            if step.finished_at:
                failed = step.state != StepState.DONE
                last.results[step.call_id] = ToolResult(step.call_id, step.tool, step.text, failed)
    return rounds


def reply_of(step: RunStep) -> Reply:
    return Reply(
        text=step.text,
        reasoning=step.reasoning,
        tool_calls=msgspec.convert(step.tool_calls, list[ToolCall]),
        usage=msgspec.convert(step.usage, Usage),
        stop_reason=step.stop_reason,
        native=step.native,
        native_format=step.native_format,
    )


def total_usage(run: Run) -> Usage:
    """Tokens of all replies of the run."""
    total: Counter[str] = Counter()
    for usage in RunStep.objects.filter(run=run, kind=StepKind.REPLY).values_list("usage", flat=True):
        total.update(usage)
    return msgspec.convert(dict(total), Usage)
