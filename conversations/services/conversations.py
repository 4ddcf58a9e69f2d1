"""Opening, changing and ending conversations."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from agents.choices import AgentStatus, Visibility
from agents.models import Agent, Run
from agents.services.runs import cancel_run
from conversations.choices import ConversationStatus
from conversations.events import conversation_data, topic_of
from conversations.models import Conversation, Participant
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict, Forbidden, InvalidInput
from gathering_site.events.services import emit

CONVERSATION_UPDATED = "conversation.updated"


@transaction.atomic
def create_conversation(
    *, actor: Actor, title: str = "", agents: Sequence[int] = (), visibility: str = Visibility.PRIVATE
) -> Conversation:
    """A new conversation of the actor's with these agents, in this order. Raises InvalidInput for an agent that the
    actor may not see or that is archived."""
    conversation = Conversation.objects.create(owner=actor.person, title=title, visibility=visibility)
    seat_agents(actor=actor, conversation=conversation, agents=agents)
    return conversation


@transaction.atomic
def update_conversation(*, actor: Actor, conversation: Conversation, **changes: Any) -> Conversation:
    """Changes title, visibility, status or agents. One that is archived so has its runs stopped; what was said stays
    readable. Raises Forbidden for who does not own it."""
    locked = lock_changeable(actor=actor, conversation=conversation)
    agents = changes.pop("agents", None)
    for field, value in changes.items():
        setattr(locked, field, value)
    locked.save(update_fields=[*changes, "updated_at"])
    if agents is not None:
        seat_agents(actor=actor, conversation=locked, agents=agents)
    emit(topic=topic_of(locked.pk), kind=CONVERSATION_UPDATED, data={"conversation": conversation_data(locked)})
    if locked.status == ConversationStatus.ARCHIVED:
        stop_conversation(actor=actor, conversation=locked)
    return locked


def archive_conversation(*, actor: Actor, conversation: Conversation) -> Conversation:
    """Ends it: nobody can write in it any more."""
    return update_conversation(actor=actor, conversation=conversation, status=ConversationStatus.ARCHIVED)


def stop_conversation(*, actor: Actor, conversation: Conversation) -> int:
    """Cancels the conversation's unfinished runs: all of them for its owner, their own for others; gives how many."""
    runs = Run.objects.filter(subject=topic_of(conversation.pk)).unfinished()
    if actor.user and not Conversation.objects.changeable_by(actor.user).filter(pk=conversation.pk).exists():
        runs = runs.visible_to(actor.user)
    stopped = 0
    for run in runs.order_by("pk"):
        try:
            cancel_run(actor=actor, run=run)
            stopped += 1
        except Conflict:
            continue  # It ended by itself just now.
    return stopped


def lock_changeable(*, actor: Actor, conversation: Conversation) -> Conversation:
    if actor.user and not Conversation.objects.changeable_by(actor.user).filter(pk=conversation.pk).exists():
        raise Forbidden("Only its owner can change a conversation.")
    return Conversation.objects.select_for_update().get(pk=conversation.pk)


def seat_agents(*, actor: Actor, conversation: Conversation, agents: Sequence[int]) -> None:
    """Makes these the conversation's agents. Those that sat there already may stay whatever became of them."""
    seated = set(conversation.participants.values_list("agent_id", flat=True))
    allowed = Agent.objects.visible_to(actor.person).exclude(status=AgentStatus.ARCHIVED)
    known = seated | set(allowed.filter(pk__in=agents).values_list("pk", flat=True))
    if unknown := [agent for agent in agents if agent not in known]:
        raise InvalidInput(f"There is no agent {unknown[0]} that could take part.", field="agents")
    conversation.participants.exclude(agent__in=agents).delete()
    Participant.objects.bulk_create(
        [
            Participant(conversation=conversation, agent_id=agent, position=position)
            for position, agent in enumerate(dict.fromkeys(agents))
        ],
        update_conflicts=True,
        unique_fields=["conversation", "agent"],
        update_fields=["position"],
    )
