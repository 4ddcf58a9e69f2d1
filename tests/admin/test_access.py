"""Who gets into the admin, and what a list costs."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, Provider
from agents.services.agents import create_agent
from agents.services.runs import cancel_run
from conversations.models import Conversation
from conversations.services.conversations import create_conversation
from conversations.services.messages import post_message
from gathering_site.common.actors import Actor
from gathering_site.common.models import User
from gathering_site.common.tokens import create_token
from tests.admin.conftest import logged_in

LISTS = [
    "agents/agent",
    "agents/provider",
    "agents/run",
    "conversations/conversation",
    "common/token",
    "common/user",
    "auth/group",
    "events/event",
]


@pytest.mark.parametrize("path", LISTS)
def test_only_the_staff_gets_in(path: str, alice: User) -> None:
    for client in (Client(), logged_in(alice)):
        answer = client.get(f"/admin/{path}/")
        assert answer.status_code == 302 and answer.headers["Location"].startswith("/admin/login/")
    alice.is_staff = True
    alice.save()
    assert logged_in(alice).get(f"/admin/{path}/").status_code == 403


def test_its_address_needs_no_slash(as_charlie: Client) -> None:
    assert as_charlie.get("/admin", follow=True).status_code == 200


def test_a_form_without_its_token_is_refused(charlie: User, ada: Agent) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(charlie)
    assert client.post(f"/admin/agents/agent/{ada.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Agent.objects.exists()


def test_the_log_is_for_administrators_alone(as_alice: Client) -> None:
    assert as_alice.get("/admin/events/event/").status_code == 403
    assert "Events" not in as_alice.get("/admin/").content.decode()


def queries(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_takes_as_many_queries_however_long_it_is(
    as_charlie: Client, alice: User, ada: Agent, talk: Conversation, path: str
) -> None:
    def add(number: int) -> None:
        user = User.objects.create(username=f"person {number}")
        actor = Actor(user=user, door="rest")
        agent = create_agent(actor=actor, name=f"Agent {number}", provider="demo")
        create_token(user=user)
        Provider.objects.create(owner=user, name="mine", kind="demo")
        _, [run] = post_message(
            actor=actor, conversation=create_conversation(actor=actor, agents=[agent.pk]), text="hello"
        )
        cancel_run(actor=actor, run=run)

    add(0)
    few = queries(as_charlie, f"/admin/{path}/")
    for number in range(1, 12):
        add(number)
    assert queries(as_charlie, f"/admin/{path}/") == few <= 10
