"""The file face of agents: what an operator keeps as text, moves to another server, or writes by hand. It checks what
comes in as the REST face does, and changes agents through their services."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import yaml
from django.db import transaction
from rest_framework.exceptions import ValidationError

from agents.models import Agent
from agents.serializers import AgentSerializer
from agents.services.agents import FIELDS, create_agent, update_agent, values_of
from gathering_site.common.actors import Actor
from gathering_site.common.error_answers import faults
from gathering_site.common.errors import DomainError, InvalidInput

ODD_BREAKS = re.compile("[\x85\u2028\u2029]")
"""YAML takes them for ends of lines, and would make plain ones of them outside of double quotes."""


class Imported(NamedTuple):
    name: str
    outcome: Literal["created", "changed", "unchanged"]


class Dumper(yaml.SafeDumper):
    """Text of several lines is written as such, what occurs twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def write_text(dumper: Dumper, text: str) -> yaml.Node:
    style = '"' if ODD_BREAKS.search(text) else "|" if "\n" in text else ""
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


Dumper.add_representer(str, write_text)
Dumper.add_multi_representer(str, write_text)  # Choices.


def export_agents(agents: Iterable[Agent]) -> str:
    """The agents as YAML, `agents:` and a list of their FIELDS. Keys are no part of an agent; a provider is named."""
    described = {"agents": [values_of(agent) for agent in agents]}
    return yaml.dump(described, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


@transaction.atomic
def import_agents(*, actor: Actor, text: str, dry_run: bool = False) -> list[Imported]:
    """Makes the actor's agents as the YAML describes them, all or none: one of a name that the actor has is changed,
    where a field is given, another one is created. A dry run does the same and takes it back. Raises InvalidInput that
    names the agent and the field.

    The actor's agents are locked for it, always in the same order, so two imports do not wait for each other; of two
    that create the same name one fails, by the constraint `agent_name_per_owner`."""
    owned = Agent.objects.filter(owner=actor.person).select_for_update().order_by("pk")
    known = {agent.name.lower(): agent for agent in owned}
    seen: set[str] = set()
    imported = []
    for place, description in enumerate(read_descriptions(text), 1):
        name = name_in(description)
        try:
            if name.lower() in seen:
                raise InvalidInput("There are two of this name.", field="name")
            seen.add(name.lower())
            imported.append(import_agent(actor=actor, agent=known.get(name.lower()), description=description))
        except DomainError as error:
            where = ", ".join(filter(None, [name or f"agent {place}", error.field]))
            raise InvalidInput(f"{where}: {error.message}", field=error.field) from error
    transaction.set_rollback(dry_run)
    return imported


def read_descriptions(text: str) -> list[dict[str, Any]]:
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"This is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict) or set(content) != {"agents"} or not isinstance(content["agents"], list):
        raise InvalidInput("There must be a list under `agents:`, and nothing beside it.")
    for place, description in enumerate(content["agents"], 1):
        if not isinstance(description, dict):
            raise InvalidInput(f"agent {place}: It must have fields, such as `name: Ada`.")
    return content["agents"]


def name_in(description: dict[str, Any]) -> str:
    name = description.get("name")
    return name if isinstance(name, str) else ""


def import_agent(*, actor: Actor, agent: Agent | None, description: dict[str, Any]) -> Imported:
    values = read_values(description, partial=agent is not None)
    if agent is None:
        return Imported(create_agent(actor=actor, **values).name, "created")
    before = values_of(agent)
    changed = update_agent(actor=actor, agent=agent, **values)
    return Imported(changed.name, "changed" if values_of(changed) != before else "unchanged")


def read_values(description: dict[str, Any], *, partial: bool) -> dict[str, Any]:
    """What the description gives, checked as a body of a request is. Raises InvalidInput."""
    if strange := sorted(str(name) for name in description if name not in FIELDS):
        raise InvalidInput("There is no such field.", field=strange[0])
    serializer = AgentSerializer(data=description, partial=partial)
    try:
        serializer.is_valid(raise_exception=True)
    except ValidationError as error:
        raise next(faults_of(error)) from error
    return serializer.validated_data


def faults_of(error: ValidationError) -> Iterator[InvalidInput]:
    for fault in faults(error.detail, ()):
        yield InvalidInput(fault["msg"], field=".".join(str(part) for part in fault["loc"]))
