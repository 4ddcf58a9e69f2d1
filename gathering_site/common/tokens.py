"""Tokens: the keys to the REST and socket doors. Only a hash of each is stored; the text is shown once."""

from datetime import datetime
from functools import cache

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from knox.crypto import hash_token

from gathering_site.common.errors import InvalidInput
from gathering_site.common.models import Token, User
from gathering_site.common.queries import TEXT, Plan


def create_token(*, user: User, name: str = "", expiry: datetime | None = None) -> str:
    """A new token of the user's, that works until its expiry, if there is one, or until it is deleted; gives its text,
    which nobody can find out later. Raises InvalidInput."""
    if expiry and expiry <= timezone.now():
        raise InvalidInput("The expiry has passed already.", field="expiry")
    _, text = Token.objects.create(user=user, name=name, expiry=expiry and expiry - timezone.now())
    return text


def valid_tokens() -> QuerySet[Token]:
    """Tokens that have not expired, of active users; each with its `user`."""
    alive = Q(expiry=None) | Q(expiry__gt=Now())
    return Token.objects.select_related("user").filter(alive, user__is_active=True)


def find_token(text: str) -> Token | None:
    """The valid token with this text and its `user`, None where there is none. One query, by the hash of the text."""
    return valid_tokens().filter(digest=hash_token(text)).first()


@cache
def token_plan() -> Plan:
    return Plan(valid_tokens().filter(digest=TEXT))


async def find_token_on_loop(text: str) -> Token | None:
    """As `find_token`, on the event loop."""
    found = await token_plan().rows({TEXT: hash_token(text)}, shared=True)
    return found[0] if found else None
