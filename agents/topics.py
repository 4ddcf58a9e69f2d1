from typing import Any

from agents.choices import UNFINISHED
from agents.models import Agent, Run
from agents.services.runs import cancel_run
from gathering_site.common.actors import Actor
from gathering_site.common.models import User
from gathering_site.events.topics import TopicKind, register


def written_by(run_id: int) -> list[int]:
    unfinished = Run.objects.filter(pk=run_id, state__in=UNFINISHED, answer__isnull=False)
    return list(unfinished.values_list("answer", flat=True))


def stop(*, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
    run = Run.objects.visible_to(user).get(pk=identifier)
    return {"state": cancel_run(actor=Actor(user=user, door="socket"), run=run).state}


register(
    "agents",
    TopicKind(
        name="Agent",
        visible=lambda user, identifier: Agent.objects.visible_to(user).filter(pk=identifier).exists(),
        access_kinds=frozenset({"agent.updated"}),
    ),
)
register(
    "runs",
    TopicKind(
        name="Run",
        visible=lambda user, identifier: Run.objects.visible_to(user).filter(pk=identifier).exists(),
        writing=written_by,
        commands={"stop": stop},
    ),
)
