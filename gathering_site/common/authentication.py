"""Who makes a request: a token in the header or, after it, the browser's session cookie with CSRF (Django's own)."""

from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from gathering_site.common.models import Token, User
from gathering_site.common.tokens import find_token


class BearerAuthentication(TokenAuthentication):
    keyword = "Bearer"

    def authenticate_credentials(self, key: str) -> tuple[User, Token]:
        token = find_token(key)
        if token is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return token.user, token
