"""One question to one agent, in a conversation with it."""

from typing import Any, NamedTuple

from django.db import transaction

from agents.events import run_data
from agents.models import Agent, Run
from agents.services.runs import check_active
from conversations.events import message_data, topic_of
from conversations.models import Conversation, Message
from conversations.services.conversations import create_conversation
from conversations.services.messages import check_text, lock_conversation, post_message
from gathering_site.common.actors import Actor
from gathering_site.common.errors import InvalidInput
from gathering_site.events.models import Topic

TITLE = 60
"""Characters of the first question that become the title of a conversation."""


class Chat(NamedTuple):
    """`number` is the last event of the conversation before the question."""

    message: Message
    run: Run
    number: int


@transaction.atomic
def chat(*, actor: Actor, agent: Agent, text: str, conversation: Conversation | None = None) -> Chat:
    """Says the text to the agent, who answers in a run: in the conversation, or in a new one. Raises InvalidInput where
    the agent does not take part in it, Conflict where it is not active; else as post_message."""
    check_text(text)
    check_active(agent)
    if conversation is None:
        title = " ".join(text.split())[:TITLE]
        conversation = create_conversation(actor=actor, title=title, agents=[agent.pk])
    elif not conversation.participants.filter(agent=agent).exists():
        raise InvalidInput(f"{agent.name} does not take part in this conversation.", field="conversation")
    lock_conversation(conversation.pk)
    topic = topic_of(conversation.pk)
    number = Topic.objects.numbers([topic]).get(topic, 0)
    message, [run] = post_message(actor=actor, conversation=conversation, text=text, answered_by=[agent])
    return Chat(message, run, number)


def chat_data(*, message: Message, run: Run) -> dict[str, Any]:
    """A question and what became of it; `answer` is None until the run writes."""
    answer = Message.objects.select_related("agent").filter(run=run).first()
    return {
        "conversation": message.conversation_id,
        "message": message_data(message),
        "answer": message_data(answer) if answer else None,
        "run": run_data(run),
    }
