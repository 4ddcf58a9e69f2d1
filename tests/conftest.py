"""The cast, their ways in, and the programs that serve them."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import redis
from celery import current_app
from django.db import connection

from agents.models import Agent, Run
from agents.services.agents import create_agent
from agents.services.runs import cancel_run
from conversations.models import Conversation
from conversations.services.conversations import create_conversation
from gathering_site.common.actors import Actor
from gathering_site.common.models import User
from gathering_site.common.queries import close_pool
from gathering_site.common.tokens import create_token
from gathering_site.listening import listen, url
from gathering_site.supervisor import programs
from tests import plugin


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
    await close_pool()


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


@pytest.fixture(scope="session")
def variables(django_db_setup: None) -> dict[str, str]:
    """What a program needs in its environment to work on the tests' database; the rest is that of this process."""
    return {"DATABASE_URL": "postgresql://gathering@/{NAME}?host={HOST}".format(**connection.settings_dict)}


@pytest.fixture(scope="session")
def worker_process(variables: dict[str, str]) -> Iterator[str]:
    """A Celery worker that does not take tasks yet; gives the name of its queue."""
    queue = current_app.conf.task_default_queue
    program = programs.worker()
    child = plugin.start(program, GATHERING_RUNS_AT_ONCE="8", **variables)
    try:
        steer(current_app.control.cancel_consumer, queue)
        yield queue
    finally:
        plugin.stop(child, program.stop_signal)


def steer(command: Callable[..., Any], queue: str) -> None:
    """Tells the worker. Tests of streams restart Valkey: a connection kept from before fails once."""
    try:
        command(queue, reply=True, limit=1)
    except redis.exceptions.ConnectionError:
        command(queue, reply=True, limit=1)


@pytest.fixture
def worker(worker_process: str, transactional_db: None) -> Iterator[None]:
    """A worker that takes up runs, for as long as the test lasts: other tests see theirs stay queued."""
    steer(current_app.control.add_consumer, worker_process)
    yield
    steer(current_app.control.cancel_consumer, worker_process)
    for run in Run.objects.unfinished():
        cancel_run(actor=Actor(user=None, door="task"), run=run)


@pytest.fixture(scope="session")
def server_process(variables: dict[str, str]) -> Iterator[str]:
    with listen("127.0.0.1", 0) as listening:
        program = programs.server(listening.fileno())
        child = plugin.start(program, **variables)
        yield url(listening)
    plugin.stop(child, program.stop_signal)


@pytest.fixture
def server(server_process: str, transactional_db: None) -> str:
    """The address of a real server, `http://127.0.0.1:…`, that works on the tests' database."""
    return server_process
