"""Who may read which topic, and from which number on."""

from gathering_site.common.errors import InvalidInput, NotFound
from gathering_site.common.socket_auth import Login
from gathering_site.events.models import Topic
from gathering_site.events.reader import Reader
from gathering_site.events.topics import kind_of

PLACES = {"after": "query", "Last-Event-ID": "header"}
"""Where a request has the number to begin after."""


def parse_number(text: str | None, *, field: str = "after") -> int | None:
    """The number in `after=` or `Last-Event-ID`; None when it is not given. Raises InvalidInput."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidInput(
            f"{field} is {text[:30]!r}; it must be the number of an event, 0 or higher.",
            field=field,
            place=PLACES[field],
        )
    return int(text)


def admit(*, login: Login, prefix: str, identifier: int, after: int | None, field: str = "after") -> Reader:
    """A reader of the topic that starts after this number, or with what comes from now on. Queries the database. Raises
    NotFound where the user may not see the topic, InvalidInput, which names the `field`, for a number that it has not
    reached."""
    kind = kind_of(prefix)
    user = login()
    if user is None or not kind.visible(user, identifier):
        raise NotFound(f"{kind.name} not found")
    topic = f"{prefix}/{identifier}"
    number = Topic.objects.numbers([topic]).get(topic, 0)
    if after is not None and after > number:
        raise InvalidInput(
            f"{field} is {after}, but the last event of {topic} is number {number}.", field=field, place=PLACES[field]
        )
    return Reader(topic, kind, identifier, login, number if after is None else after)
