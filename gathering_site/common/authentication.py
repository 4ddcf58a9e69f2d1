"""Who makes a request: a token in the header or, after it, the browser's session cookie with CSRF (Django's own)."""

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from rest_framework import authentication
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from gathering_site.common.models import Token, User
from gathering_site.common.tokens import find_token, find_token_on_loop

SCHEME = "bearer "


class BearerAuthentication(TokenAuthentication):
    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        if token := getattr(request._request, "token", None):
            return token.user, token
        return super().authenticate(request)

    def authenticate_credentials(self, key: str) -> tuple[User, Token]:
        token = find_token(key)
        if token is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return token.user, token


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session. REST requests do not pass the middleware that reads it, so it is read here, when no token
    came."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        plain = request._request
        if not hasattr(plain, "user"):
            for middleware in (SessionMiddleware, AuthenticationMiddleware):
                middleware(lambda _: HttpResponse()).process_request(plain)
        return super().authenticate(request)


async def recognize(request: HttpRequest) -> None:
    """Looks the request's token up on the event loop, so that no thread has to. A wrong one is left to
    `BearerAuthentication`, which says so."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if header[: len(SCHEME)].lower() == SCHEME:
        request.token = await find_token_on_loop(header[len(SCHEME) :].strip())
