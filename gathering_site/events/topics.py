"""What can be read as a stream of events. An app registers the topics it owns in its own `topics.py`, which is found at
start-up:

    from gathering_site.events.topics import TopicKind, register

    register(
        "conversations",
        TopicKind(
            name="Conversation",
            visible=lambda user, identifier: Conversation.objects.visible_to(user).filter(pk=identifier).exists(),
            writing=lambda identifier: list(Message.objects.…values_list("pk", flat=True)),
            commands={"send": send, "stop": stop},
            access_kinds=frozenset({"conversation.updated"}),
        ),
    )

makes `/ws/conversations/12` a socket, and `event_stream_response` serve `conversations/12`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.utils.module_loading import autodiscover_modules

from gathering_site.common.errors import NotFound
from gathering_site.common.models import User


class Command(Protocol):
    """What a client's frame does. It is called in a thread with the whole frame (`{"type": "send", "text": …}`), may
    raise DomainError, and gives what the acknowledgement carries as `result`. The user may see the topic."""

    def __call__(self, *, user: User, identifier: int, frame: dict[str, Any]) -> dict[str, Any]: ...


def nothing_is_written(identifier: int) -> list[int]:
    return []


@dataclass(frozen=True)
class TopicKind:
    """All topics with one prefix. Its functions query the database and are called in threads.

    `name` is the word for it in errors (`Conversation not found`). `visible` says whether the user may read the topic,
    and is asked again while they do. `writing` gives the messages that are being written: it is asked in the same
    snapshot as the log, so it must agree with the events that tell of their beginning and end. `access_kinds` are the
    events that may change who sees the topic: readers are checked before they are given one."""

    name: str
    visible: Callable[[User, int], bool]
    writing: Callable[[int], list[int]] = nothing_is_written
    commands: Mapping[str, Command] = field(default_factory=dict)
    access_kinds: frozenset[str] = frozenset()


TOPICS: dict[str, TopicKind] = {}


def register(prefix: str, kind: TopicKind) -> None:
    if prefix in TOPICS:
        raise ValueError(f"The topics {prefix}/… are registered already.")
    TOPICS[prefix] = kind


def kind_of(prefix: str) -> TopicKind:
    """Raises NotFound for a prefix that nobody registered."""
    if kind := TOPICS.get(prefix):
        return kind
    raise NotFound("There is no such stream of events.")


def discover() -> None:
    autodiscover_modules("topics")
