"""Creating, changing and ending agents; each change is a revision, whatever door it came through."""

from typing import Any

import msgspec
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, ProtectedError, QuerySet

from agents.choices import AgentStatus
from agents.engine.settings import AgentSettings
from agents.events import AGENT_UPDATED, topic_of_agent
from agents.models import Agent, AgentRevision
from agents.services.providers import check_provider_name
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict, Forbidden, InvalidInput
from gathering_site.events.services import emit

FIELDS = (
    "name",
    "role",
    "status",
    "provider",
    "model",
    "system_prompt",
    "persona",
    "traits",
    "settings",
    "tags",
    "visibility",
)
"""What an operator can set, and what a revision keeps."""


def default_values() -> dict[str, Any]:
    """Each field's value where none is given."""
    unset = Agent()
    return {name: getattr(unset, name) for name in FIELDS}


@transaction.atomic
def create_agent(*, actor: Actor, name: str, **values: Any) -> Agent:
    """A new agent of the actor's; `values` are FIELDS. Raises InvalidInput, and Conflict where the actor has an agent
    of that name (the constraint `agent_name_per_owner` decides)."""
    agent = Agent(owner=actor.person, name=name, **values)
    check(agent)
    save(agent)
    add_revision(actor=actor, agent=agent, number=1, before={})
    return agent


@transaction.atomic
def update_agent(*, actor: Actor, agent: Agent, **changes: Any) -> Agent:
    """The agent with these FIELDS changed, under its row's lock. A change that changes nothing leaves no revision.
    Raises Forbidden, InvalidInput, Conflict."""
    locked = lock_agent(actor=actor, agent=agent)
    before = values_of(locked)
    for field, value in changes.items():
        setattr(locked, field, value)
    check(locked)
    if values_of(locked) != before:
        save(locked)
        last = locked.revisions.aggregate(last=Max("number"))["last"] or 0
        add_revision(actor=actor, agent=locked, number=last + 1, before=before)
        emit(topic=topic_of_agent(locked.pk), kind=AGENT_UPDATED, data=update_data(locked, before))
    return locked


@transaction.atomic
def delete_agent(*, actor: Actor, agent: Agent) -> None:
    """Removes an agent that has done nothing yet; archives one with runs or messages, so that history stays readable.
    The database's own constraints tell which it is, checked at once: so no run can begin in between unseen."""
    locked = lock_agent(actor=actor, agent=agent)
    try:
        with transaction.atomic():
            locked.delete()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except (ProtectedError, IntegrityError):
        update_agent(actor=actor, agent=agent, status=AgentStatus.ARCHIVED)


def restore_agent(*, actor: Actor, agent: Agent, revision: AgentRevision) -> Agent:
    """The agent as it was after that revision: a change like any other, which can be undone too."""
    return update_agent(actor=actor, agent=agent, **revision.values)


def history_of(*, actor: Actor, agent: Agent) -> QuerySet[AgentRevision]:
    """Its revisions, newest first. They hold what the agent was before it was shared, so who may only see it does not
    see them: Forbidden."""
    if actor.user and not Agent.objects.changeable_by(actor.user).filter(pk=agent.pk).exists():
        raise Forbidden("Only its owner can see an agent's history.")
    return agent.revisions.order_by("-number")


def lock_agent(*, actor: Actor, agent: Agent) -> Agent:
    if actor.user and not Agent.objects.changeable_by(actor.user).filter(pk=agent.pk).exists():
        raise Forbidden("Only its owner can change an agent.")
    return Agent.objects.select_for_update().get(pk=agent.pk)


def check(agent: Agent) -> None:
    if not agent.name.strip():
        raise InvalidInput("An agent needs a name.", field="name", type="missing")
    check_provider_name(name=agent.provider, owner=agent.owner)
    try:
        AgentSettings.from_json(agent.settings)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"The settings do not fit: {error}.", field="settings") from error


def save(agent: Agent) -> None:
    """Writes the row. A name that is taken ends the whole transaction, so no savepoint is needed."""
    try:
        agent.save()
    except IntegrityError as error:
        if "agent_name_per_owner" in str(error):
            raise Conflict(f"There is an agent named {agent.name} already.", field="name") from error
        raise


def update_data(agent: Agent, before: dict[str, Any]) -> dict[str, Any]:
    """Which fields have changed, not to what: the log outlasts what the agent's owner shows to whom."""
    changed = [field for field, value in values_of(agent).items() if value != before[field]]
    shown = {"id": agent.pk, "status": agent.status, "visibility": agent.visibility, "updated_at": agent.updated_at}
    return {"agent": shown, "changed": changed}


def values_of(agent: Agent) -> dict[str, Any]:
    return {field: getattr(agent, field) for field in FIELDS}


def add_revision(*, actor: Actor, agent: Agent, number: int, before: dict[str, Any]) -> None:
    values = values_of(agent)
    changes = {field: [before.get(field), value] for field, value in values.items() if before.get(field) != value}
    AgentRevision.objects.create(
        agent=agent, number=number, user=actor.user, door=actor.door, changes=changes if before else {}, values=values
    )
