"""Who opens a socket. Credentials are, in this order: the header `Authorization: Bearer <token>`, the subprotocol
`bearer.<token>` (browsers cannot set headers), the session cookie. The first that is there decides. A cookie is sent by
browsers on behalf of any page, so it counts only when `Origin` names this very host. A socket without a user is refused
before it opens."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host

from gathering_site.common.models import User
from gathering_site.common.threads import in_database
from gathering_site.common.tokens import find_token

BEARER = "bearer."

Login = Callable[[], User | None]
"""Looks up anew who somebody is: None once the token or the session does not hold any more. Queries the database, so it
is called in threads."""


class SocketAuth:
    """ASGI middleware for WebSocket scopes. Gives the application `user`, `login` (see Login) and `subprotocol`, which
    must be answered when the socket is accepted."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        login = login_of(scope)
        user = await in_database(login)
        if user is None:
            await receive()
            await send({"type": "websocket.close"})
            return
        subprotocol = chosen_subprotocol(scope["subprotocols"])
        await self.application({**scope, "user": user, "login": login, "subprotocol": subprotocol}, receive, send)


def login_of(scope: Mapping[str, Any]) -> Login:
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    if authorization := headers.get("authorization"):
        scheme, _, token = authorization.partition(" ")
        return lambda: user_of_token(token.strip()) if scheme.lower() == "bearer" else None
    offered = [protocol for protocol in scope["subprotocols"] if protocol.startswith(BEARER)]
    if offered:
        return lambda: user_of_token(offered[0].removeprefix(BEARER))
    session = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    if session and is_same_origin(headers.get("origin", ""), headers.get("host", "")):
        return lambda: user_of_session(session)
    return lambda: None


def user_of_token(text: str) -> User | None:
    token = find_token(text)
    return token.user if token else None


def user_of_session(key: str) -> User | None:
    """The active user who is logged in under this session; its hash is checked, so that a changed password ends it."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page of this host opened the socket. The host must be one of ours: else a page whose name was made to
    point here would be of the same origin."""
    domain, _ = split_domain_port(host)
    return urlsplit(origin).netloc.lower() == host.lower() and validate_host(domain, settings.ALLOWED_HOSTS)


def chosen_subprotocol(offered: list[str]) -> str | None:
    """A browser gives up when none of those it offered is answered; one that is not a secret is better."""
    plain = [protocol for protocol in offered if not protocol.startswith(BEARER)]
    return next(iter([*plain, *offered]), None)
