"""Tokens: the keys to the REST and socket doors. Only a hash of each is stored; the text is shown once."""

from django.db.models import Q, QuerySet
from django.utils import timezone
from knox.crypto import hash_token

from gathering_site.common.models import Token, User


def create_token(*, user: User, name: str = "") -> str:
    """A new token of the user's, that works until it is deleted; gives its text, which nobody can find out later."""
    _, text = Token.objects.create(user=user, name=name)
    return text


def valid_tokens() -> QuerySet[Token]:
    """Tokens that have not expired, of active users; each with its `user`."""
    alive = Q(expiry=None) | Q(expiry__gt=timezone.now())
    return Token.objects.select_related("user").filter(alive, user__is_active=True)


def find_token(text: str) -> Token | None:
    """The valid token with this text and its `user`, None where there is none. One query, by the hash of the text."""
    return valid_tokens().filter(digest=hash_token(text)).first()
