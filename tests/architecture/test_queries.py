"""A list is a fixed number of queries, whatever its length."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import Client
from django.utils import timezone

from agents.choices import StepKind
from agents.models import Provider, RunStep
from agents.services.agents import create_agent, update_agent
from agents.services.runs import cancel_run
from conversations.services.conversations import create_conversation
from conversations.services.messages import post_message
from gathering_site.common import queries
from gathering_site.common.actors import Actor

LISTS = [
    "/agents",
    "/agents?search=agent&status=active&provider=demo&model=demo&tag=t&ordering=-name",
    "/agents/{agent}/history",
    "/providers",
    "/conversations",
    "/conversations?agent={agent}",
    "/conversations/{talk}/messages",
    "/runs",
    "/runs?agent={agent}&state=cancelled&conversation={talk}",
    "/runs/{run}/steps",
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the database is asked: by Django in whichever thread, and on the event loop."""
    found: list[str] = []
    watched: list[BaseDatabaseWrapper] = []

    def by_django(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        found.append(sql)
        return execute(sql, *rest)

    def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
        if by_django not in connection.execute_wrappers:
            connection.execute_wrappers.append(by_django)
            watched.append(connection)

    run = queries.run

    async def on_the_loop(sql: str, *rest: Any, **options: Any) -> Any:
        found.append(sql)
        return await run(sql, *rest, **options)

    monkeypatch.setattr(queries, "run", on_the_loop)
    connection_created.connect(watch)
    yield found
    connection_created.disconnect(watch)
    for connection in watched:
        connection.execute_wrappers.remove(by_django)


@pytest.fixture
def things(alice, ada, talk) -> dict[str, int]:
    """More than ten of everything that lists hold."""
    actor = Actor(user=alice, door="rest")
    for number in range(10):
        agent = create_agent(actor=actor, name=f"Agent {number}", provider="demo", model="demo", tags=["t"])
        update_agent(actor=actor, agent=ada, role=f"role {number}")
        create_conversation(actor=actor, agents=[agent.pk, ada.pk])
        _, [run] = post_message(actor=actor, conversation=talk, text="hello")
        cancel_run(actor=actor, run=run)
        Provider.objects.create(owner=alice, name=f"Provider {number}", kind="demo")
    RunStep.objects.bulk_create(
        RunStep(run=run, number=number, kind=StepKind.REPLY, started_at=timezone.now()) for number in range(1, 12)
    )
    connections.close_all()  # This thread's connection is seen from its next query on.
    return {"agent": ada.pk, "talk": talk.pk, "run": run.pk}


@pytest.fixture
def by_session(alice, anonymous) -> httpx.AsyncClient:
    """alice's browser: what it asks for is done in a thread."""
    browser = Client()
    browser.force_login(alice)
    anonymous.cookies.set(settings.SESSION_COOKIE_NAME, browser.cookies[settings.SESSION_COOKIE_NAME].value)
    return anonymous


@pytest.mark.parametrize("path", LISTS)
async def test_a_longer_list_takes_no_more_queries(as_alice, by_session, things, asked, path):
    """With a token it is mostly read on the event loop, with a session in a thread; it takes one query to know whose
    the token is, two for the session."""
    for client, who in ((as_alice, 1), (by_session, 2)):

        async def count(limit: int, client: httpx.AsyncClient = client) -> int:
            asked.clear()
            answer = await client.get(httpx.URL(path.format(**things)).copy_merge_params({"limit": str(limit)}))
            assert len(answer.json()) == limit
            return len(asked)

        few = await count(2)
        assert await count(9) == few
        assert who < few <= who + 4
