"""A list is a fixed number of queries, whatever its length, and every filter and order has an index."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agents.models import Provider
from agents.services.agents import create_agent, update_agent
from agents.services.runs import cancel_run
from conversations.services.conversations import create_conversation
from conversations.services.messages import post_message
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
]


@pytest.fixture
def alices(alice, alice_token, ada, talk):
    return APIClient(headers={"Authorization": f"Bearer {alice_token}"})


def add_ten(alice, ada, talk) -> None:
    actor = Actor(user=alice, door="rest")
    for number in range(10):
        agent = create_agent(actor=actor, name=f"Agent {number}", provider="demo", model="demo", tags=["t"])
        update_agent(actor=actor, agent=ada, role=f"role {number}")
        create_conversation(actor=actor, agents=[agent.pk, ada.pk])
        _, [run] = post_message(actor=actor, conversation=talk, text="hello")
        cancel_run(actor=actor, run=run)
        Provider.objects.create(owner=alice, name=f"Provider {number}", kind="demo")


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_list_takes_no_more_queries(alices, alice, ada, talk, path):
    address = path.format(agent=ada.pk, talk=talk.pk)
    add_ten(alice, ada, talk)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert len(alices.get(address + ("&" if "?" in address else "?") + "limit=2").json()) == 2
    with CaptureQueriesContext(connection) as many:
        assert len(alices.get(address + ("&" if "?" in address else "?") + "limit=9").json()) == 9
    assert len(many) == len(few) <= 5


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("agents_agent", ["status", "provider", "model", "name", "created_at", "updated_at", "tags"]),
        ("agents_run", ["agent_id", "state", "subject", "user_id"]),
        ("conversations_conversation", ["status", "title", "created_at", "updated_at"]),
        ("conversations_message", ["conversation_id"]),
        ("conversations_participant", ["agent_id"]),
    ],
)
def test_every_filter_and_order_has_an_index(transactional_db, table, columns):
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, table).values()
    first = {index["columns"][0] for index in indexes if index["index"] and index["columns"]}
    assert set(columns) <= first
