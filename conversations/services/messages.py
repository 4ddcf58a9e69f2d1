"""What is said: by people here, by agents through their runs (`conversations.host`)."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from agents.choices import AgentStatus
from agents.models import Agent, Run
from agents.services.runs import queue_run
from conversations.choices import ConversationStatus, MessageState
from conversations.events import MESSAGE_CREATED, message_data, topic_of
from conversations.mentions import mentioned
from conversations.models import Conversation, Message
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict, InvalidInput
from gathering_site.events.live import read_texts
from gathering_site.events.services import emit

MAXIMUM_TEXT = 100_000
"""Characters of one message: well above what people type or paste, well below what a frame of the event log should
hold."""


@transaction.atomic
def post_message(
    *, actor: Actor, conversation: Conversation, text: str, answered_by: Sequence[Agent] | None = None
) -> tuple[Message, list[Run]]:
    """Stores what a person says and queues a run for each agent that is to answer: those given, else those that the
    text and the conversation so far tell. Raises Conflict in an archived conversation or for a given agent that is not
    active, InvalidInput for an empty or too long text."""
    check_text(text)
    locked = lock_conversation(conversation.pk)
    if locked.status == ConversationStatus.ARCHIVED:
        raise Conflict("The conversation is archived; nobody can write in it.")
    message = add_message(locked, user=actor.user, text=text)
    answering = answering_agents(locked, text) if answered_by is None else answered_by
    return message, [queue_run(actor=actor, agent=agent, subject=topic_of(locked.pk)) for agent in answering]


def lock_conversation(conversation_id: int) -> Conversation:
    """The lock under which a conversation's messages get their order and its runs change."""
    return Conversation.objects.select_for_update().get(pk=conversation_id)


def add_message(conversation: Conversation, **fields: object) -> Message:
    """A new last message, under the conversation's lock."""
    message = Message.objects.create(conversation=conversation, **fields)
    conversation.save(update_fields=["updated_at"])
    emit(topic=topic_of(conversation.pk), kind=MESSAGE_CREATED, data={"message": message_data(message)})
    return message


def check_text(text: str) -> None:
    if not text.strip():
        raise InvalidInput("The text is empty.", field="text", type="missing")
    if len(text) > MAXIMUM_TEXT:
        raise InvalidInput(f"The text has {len(text)} characters; at most {MAXIMUM_TEXT} fit.", field="text")
    if "\x00" in text:
        raise InvalidInput("The text holds a NUL character.", field="text")


def answering_agents(conversation: Conversation, text: str) -> list[Agent]:
    """Who answers: the agents named with @, or else the one that spoke last, or else the first."""
    # Who was shared once and is not any more does not answer in the conversations of others.
    usable = Agent.objects.visible_to(conversation.owner).filter(status=AgentStatus.ACTIVE)
    seated = list(usable.filter(participations__conversation=conversation).order_by("participations__position"))
    if named := mentioned(text, seated):
        return named
    spoke = conversation.messages.filter(agent__in=seated).order_by("-pk").values_list("agent", flat=True).first()
    return [agent for agent in seated if agent.pk == spoke] or seated[:1]


def with_live_text(messages: Iterable[Message]) -> list[Message]:
    """The messages, those still being written with their text so far."""
    shown = list(messages)
    writing = [message for message in shown if message.state == MessageState.STREAMING]
    if writing:
        texts = read_texts(message.pk for message in writing)
        for message in writing:
            message.text = texts.get(message.pk, message.text)
    return shown
