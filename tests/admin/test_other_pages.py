"""Runs, conversations, events, tokens and users."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from agents.choices import RunState
from agents.models import Agent, Run
from conversations.models import Conversation, Message
from conversations.services.messages import post_message
from gathering_site.common.actors import Actor
from gathering_site.common.models import Token, User
from gathering_site.common.tokens import find_token
from gathering_site.events.models import Event
from tests.admin.conftest import do, fill_in, told


@pytest.fixture
def asked(alice: User, talk: Conversation) -> Run:
    """A run that waits for a worker."""
    _, [run] = post_message(actor=Actor(user=alice, door="rest"), conversation=talk, text="How many primes?")
    return run


def test_a_run_is_looked_at_and_cancelled(as_charlie: Client, asked: Run) -> None:
    page = as_charlie.get(f"/admin/agents/run/{asked.pk}/change/").content.decode()
    assert f"conversations/{asked.subject[14:]}" in page and 'name="_save"' not in page
    assert as_charlie.post(f"/admin/agents/run/{asked.pk}/change/", {"state": "succeeded"}).status_code == 403
    assert as_charlie.get("/admin/agents/run/add/").status_code == 403
    told_first = told(do(as_charlie, "/admin/agents/run/", "cancel", asked.pk))
    assert told_first.startswith("1 cancelled")
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == (RunState.CANCELLED, "Stopped by charlie.")
    assert told(do(as_charlie, "/admin/agents/run/", "cancel", asked.pk)).startswith("0 cancelled")


def test_runs_and_conversations_of_others_are_not_the_staff_s(as_alice: Client, charlie: User, ada: Agent) -> None:
    Run.objects.create(agent=ada, user=charlie, subject="conversations/0")
    theirs = Conversation.objects.create(owner=charlie, title="Secret")
    assert "conversations/0" not in as_alice.get("/admin/agents/run/").content.decode()
    assert "Secret" not in as_alice.get("/admin/conversations/conversation/").content.decode()
    assert as_alice.get(f"/admin/conversations/conversation/{theirs.pk}/change/").status_code == 302


def test_a_conversation_is_shown_with_its_latest_messages_and_changed_by_nobody(
    as_charlie: Client, alice: User, talk: Conversation
) -> None:
    Message.objects.bulk_create(Message(conversation=talk, user=alice, text=f"<b>{n}</b>") for n in range(60))
    path = f"/admin/conversations/conversation/{talk.pk}/change/"
    page = as_charlie.get(path).content.decode()
    assert [f"&lt;b&gt;{n}&lt;/b&gt;" in page for n in range(60)] == [False] * 10 + [True] * 50
    assert "Ada" in page and 'name="_save"' not in page
    assert as_charlie.post(path, {"title": "Mine"}).status_code == 403
    assert "Primes" in as_charlie.get("/admin/conversations/conversation/?q=prim").content.decode()
    assert "Primes" not in as_charlie.get("/admin/conversations/conversation/?q=odd").content.decode()


def test_the_log_is_read_by_topic(as_charlie: Client, asked: Run) -> None:
    path = "/admin/events/event/"
    assert "message.created" in as_charlie.get(f"{path}?q={asked.subject}").content.decode()
    assert "message.created" not in as_charlie.get(f"{path}?q=agents/1").content.decode()
    assert as_charlie.get(f"{path}add/").status_code == 403
    assert as_charlie.post(f"{path}{Event.objects.first().pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_token_is_shown_once_works_and_is_revoked(as_charlie: Client, alice: User) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    fields = {"expiry_0": f"{tomorrow:%Y-%m-%d}", "expiry_1": f"{tomorrow:%H:%M:%S}"}
    page = fill_in(as_charlie, "/admin/common/token/add/", name="laptop", user=str(alice.pk), **fields)
    token = Token.objects.get()
    text = told(page).partition("<code>")[2].partition("</code>")[0]
    assert find_token(text) == token and token.user == alice
    assert abs(token.expiry - tomorrow) < timedelta(seconds=2)
    pages = [
        as_charlie.get("/admin/common/token/"),
        as_charlie.get(f"/admin/common/token/{token.pk}/change/"),
        as_charlie.get(f"/admin/common/token/{token.pk}/delete/"),
        as_charlie.get("/admin/"),
    ]
    for shown in pages:
        assert text not in shown.content.decode() and token.digest not in shown.content.decode()
        assert token.token_key not in shown.content.decode()
    fill_in(as_charlie, f"/admin/common/token/{token.pk}/delete/")
    assert find_token(text) is None


def test_a_token_has_an_expiry_to_come(as_charlie: Client, alice: User) -> None:
    fields = {"expiry_0": "2020-01-01", "expiry_1": "00:00:00"}
    page = fill_in(as_charlie, "/admin/common/token/add/", user=str(alice.pk), **fields)
    assert page.context["adminform"].form.errors == {"expiry": ["The expiry has passed already."]}


def test_nobody_on_the_staff_makes_themselves_a_key_of_the_administrator(as_alice: Client, charlie: User) -> None:
    page = fill_in(as_alice, "/admin/common/token/add/", user=str(charlie.pk))
    assert page.context["adminform"].form.errors.keys() == {"user"}
    assert not Token.objects.exists()


def test_a_user_is_added_and_can_log_in(as_charlie: Client) -> None:
    password = "curtain-rises-5"
    fill_in(as_charlie, "/admin/common/user/add/", username="bob", password1=password, password2=password)
    fill_in(as_charlie, f"/admin/common/user/{User.objects.get(username='bob').pk}/change/", is_staff="on")
    client = Client()
    page = fill_in(client, "/admin/login/", username="bob", password=password)
    assert page.status_code == 200 and page.context["user"].get_username() == "bob"
