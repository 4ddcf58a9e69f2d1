"""The cast, and their ways in."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from agents.models import Agent
from agents.services.agents import create_agent
from conversations.models import Conversation
from conversations.services.conversations import create_conversation
from gathering_site.common.actors import Actor
from gathering_site.common.models import User
from gathering_site.common.tokens import create_token


@pytest.fixture
def alice(transactional_db: None) -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def bob(transactional_db: None) -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def charlie(transactional_db: None) -> User:
    """The administrator."""
    return User.objects.create_superuser("charlie")


@pytest.fixture
def ada(alice: User) -> Agent:
    """An agent of alice's."""
    return create_agent(actor=Actor(user=alice, door="rest"), name="Ada", provider="demo", model="demo")


@pytest.fixture
def talk(alice: User, ada: Agent) -> Conversation:
    """A conversation of alice's with Ada."""
    return create_conversation(actor=Actor(user=alice, door="rest"), title="Primes", agents=[ada.pk])


@pytest.fixture
async def connect(transactional_db: None) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Makes HTTP clients of the ASGI application."""
    from gathering_site.asgi import application

    clients: list[httpx.AsyncClient] = []

    def connect_with(token: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers))
        return clients[-1]

    yield connect_with
    for client in clients:
        await client.aclose()


@pytest.fixture
def anonymous(connect: Any) -> httpx.AsyncClient:
    return connect()


@pytest.fixture
def alice_token(alice: User) -> str:
    return create_token(user=alice)


@pytest.fixture
def bob_token(bob: User) -> str:
    return create_token(user=bob)


@pytest.fixture
def charlie_token(charlie: User) -> str:
    return create_token(user=charlie)


@pytest.fixture
def as_alice(connect: Any, alice_token: str) -> httpx.AsyncClient:
    return connect(alice_token)


@pytest.fixture
def as_bob(connect: Any, bob_token: str) -> httpx.AsyncClient:
    return connect(bob_token)


@pytest.fixture
def as_charlie(connect: Any, charlie_token: str) -> httpx.AsyncClient:
    return connect(charlie_token)
