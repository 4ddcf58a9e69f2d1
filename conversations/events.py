"""What this app's events carry, and what its answers show."""

from typing import Any

from conversations.models import Conversation, Message

MESSAGE_CREATED = "message.created"
MESSAGE_COMPLETED = "message.completed"
MESSAGE_FAILED = "message.failed"


def topic_of(conversation_id: int) -> str:
    return f"conversations/{conversation_id}"


def author_data(message: Message) -> dict[str, Any]:
    if message.agent_id:
        return {"kind": "agent", "id": message.agent_id, "name": message.agent.name}
    return {"kind": "user", "id": message.user_id, "name": message.user.get_username()}


def message_data(message: Message) -> dict[str, Any]:
    """A message on the wire: the same in REST answers and in events."""
    return {
        "id": message.pk,
        "conversation": message.conversation_id,
        "author": author_data(message),
        "text": message.text,
        "state": message.state,
        "run": message.run_id,
        "created_at": message.created_at,
    }


def conversation_data(conversation: Conversation) -> dict[str, Any]:
    """A conversation on the wire: the same in REST answers and in events."""
    return {
        "id": conversation.pk,
        "title": conversation.title,
        "status": conversation.status,
        "visibility": conversation.visibility,
        "owner": conversation.owner_id,
        "agents": conversation.agent_ids,
        "circle": None,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }
