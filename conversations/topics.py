from typing import Any

from agents.events import run_data
from conversations.choices import MessageState
from conversations.events import message_data
from conversations.models import Conversation, Message
from conversations.services.conversations import stop_conversation
from conversations.services.messages import post_message
from gathering_site.common.actors import Actor
from gathering_site.common.errors import InvalidInput
from gathering_site.common.models import User
from gathering_site.events.topics import TopicKind, register


def written_in(identifier: int) -> list[int]:
    writing = Message.objects.filter(conversation=identifier, state=MessageState.STREAMING)
    return list(writing.values_list("pk", flat=True))


def send(*, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
    text = frame.get("text")
    if not isinstance(text, str):
        raise InvalidInput("A frame of type send needs a text.", field="text", type="missing")
    conversation = Conversation.objects.visible_to(user).get(pk=identifier)
    message, runs = post_message(actor=Actor(user=user, door="socket"), conversation=conversation, text=text)
    return {"message": message_data(message), "runs": [run_data(run) for run in runs]}


def stop(*, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]:
    conversation = Conversation.objects.visible_to(user).get(pk=identifier)
    return {"stopped": stop_conversation(actor=Actor(user=user, door="socket"), conversation=conversation)}


register(
    "conversations",
    TopicKind(
        name="Conversation",
        visible=lambda user, identifier: Conversation.objects.visible_to(user).filter(pk=identifier).exists(),
        writing=written_in,
        commands={"send": send, "stop": stop},
        access_kinds=frozenset({"conversation.updated"}),
    ),
)
