"""Providers as people and agents meet them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from agents.models import Agent, Provider
from agents.services import providers
from agents.services.provider_calls import Call, prepare_model_list, prepare_test
from gathering_site.common.actors import Actor
from gathering_site.common.errors import Conflict, Forbidden, InvalidInput, NotFound
from gathering_site.common.models import User
from tests.providers.conftest import KEY
from tests.upstreams.openai import OpenAIUpstream, error, reply

pytestmark = pytest.mark.django_db
PUBLIC = "https://1.1.1.1/v1"


@pytest.fixture
def people():
    """An administrator and two people, as actors."""
    users = [User.objects.create(username=name, is_superuser=name == "charlie") for name in ("charlie", "alice", "bob")]
    return [Actor(user, "rest") for user in users]


def make(actor: Actor, name: str = "mine", kind: str = "openai", **fields) -> Provider:
    return providers.create_provider(actor=actor, name=name, kind=kind, **{"api_key": KEY} | fields)


def try_provider(**arguments: Any) -> dict[str, Any]:
    return called(prepare_test(**arguments))


def list_models(**arguments: Any) -> list[str]:
    return called(prepare_model_list(**arguments))


def called(call: Call[Any]) -> Any:
    """What a prepared call gives; as with a request, its thread has given its connection back before it is awaited."""
    if not connection.in_atomic_block:
        connection.close()
    return asyncio.run(call())


def test_a_persons_provider_is_their_own_and_an_administrators_the_servers(people):
    admin, alice, bob = people
    hers, servers = make(alice), make(admin, "ours")
    assert (hers.owner, servers.owner) == (alice.user, None)
    assert set(Provider.objects.visible_to(alice.user)) == {hers, servers}
    assert set(Provider.objects.visible_to(bob.user)) == {servers}
    assert set(Provider.objects.visible_to(admin.user)) == {hers, servers}
    assert set(Provider.objects.changeable_by(bob.user)) == set()
    with pytest.raises(Forbidden):
        providers.update_provider(actor=bob, provider=servers, name="his")
    with pytest.raises(Forbidden):
        providers.delete_provider(actor=bob, provider=hers)


def test_the_key_is_encrypted_and_in_no_repr(people):
    _, alice, _ = people
    row = make(alice)
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM agents_provider WHERE id = %s", [row.pk])
        stored = cursor.fetchone()[0]
    assert KEY not in stored
    account = providers.resolve_account(provider="mine", owner=alice.user)
    assert account.api_key == KEY
    assert KEY not in repr(row) + str(row) + repr(account) + str(account)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"kind": "telepathy"}, "kind"),
        ({"name": "Anthropic"}, "name"),
        ({"api_key": "sk-\r\nX-Header: 1"}, "api_key"),
        ({"settings": ["num_ctx"]}, "settings"),
        ({"settings": {"a": "\0"}}, "settings"),
        ({"base_url": "ftp://example.com"}, "base_url"),
        ({"base_url": "https://1.1.1.1/" + "x" * 500}, "base_url"),
        ({"base_url": "http://169.254.169.254/v1"}, "base_url"),
        ({"base_url": "http://127.0.0.1:8000/v1"}, "base_url"),
    ],
)
def test_what_does_not_fit_is_named(people, fields, field):
    _, alice, _ = people
    with pytest.raises(InvalidInput) as caught:
        make(alice, **fields)
    assert caught.value.field == field and KEY not in caught.value.message


def test_a_name_is_taken_once_per_owner_whatever_its_case(people):
    admin, alice, bob = people
    make(alice), make(bob), make(admin)
    with pytest.raises(Conflict) as caught:
        make(alice, "MINE")
    assert caught.value.field == "name"
    with pytest.raises(Conflict):
        make(admin, "Mine")


def test_private_addresses_are_an_administrators_to_allow(people):
    admin, alice, _ = people
    private = "http://10.0.0.1/v1"
    with pytest.raises(Forbidden):
        make(alice, base_url=private, allow_private=True)
    row = make(alice, base_url=PUBLIC)
    with pytest.raises(Forbidden):
        providers.update_provider(actor=alice, provider=row, allow_private=True)
    row = providers.update_provider(actor=admin, provider=row, allow_private=True, base_url=private, api_key=KEY)
    assert row.owner == alice.user
    assert providers.resolve_account(provider="mine", owner=alice.user).allow_private
    row = providers.update_provider(actor=alice, provider=row, name="hers", allow_private=True)
    assert row.allow_private, "what stays as it was needs no administrator"
    with pytest.raises(InvalidInput) as caught:
        providers.update_provider(actor=alice, provider=row, base_url="http://10.0.0.2/v1", api_key=KEY)
    assert caught.value.field == "base_url", "what was allowed was the other address"
    assert not providers.update_provider(actor=alice, provider=row, base_url=PUBLIC, api_key=KEY).allow_private


def test_ollama_is_reached_on_this_machine_by_default(people):
    admin, alice, _ = people
    assert make(admin, "big", "ollama", base_url="http://10.0.0.1:11434").allow_private
    assert make(alice, "usual", "ollama").allow_private
    assert make(alice, "spelled", "ollama", base_url="http://localhost:11434/").allow_private
    with pytest.raises(InvalidInput):
        make(alice, "other", "ollama", base_url="http://10.0.0.1:11434")


def test_a_key_does_not_go_to_another_address_than_it_was_given_for(people):
    _, alice, _ = people
    row = make(alice, base_url=PUBLIC)
    for changes in ({"base_url": "https://8.8.8.8/v1"}, {"base_url": ""}, {"kind": "anthropic"}):
        with pytest.raises(InvalidInput) as caught:
            providers.update_provider(actor=alice, provider=row, **changes)
        assert caught.value.field == "api_key"
    moved = providers.update_provider(actor=alice, provider=row, base_url="https://8.8.8.8/v1", api_key="sk-new")
    assert (moved.base_url, moved.api_key) == ("https://8.8.8.8/v1", "sk-new")
    same = providers.update_provider(actor=alice, provider=row, base_url="https://8.8.8.8/v1/", settings={"top_p": 1})
    assert same.api_key == "sk-new"


def test_an_unknown_field_is_named(people):
    _, alice, _ = people
    with pytest.raises(InvalidInput) as caught:
        providers.update_provider(actor=alice, provider=make(alice), owner=None)
    assert caught.value.field == "owner"


def test_a_name_means_ones_own_provider_then_the_servers_then_the_kind(people, monkeypatch):
    admin, alice, bob = people
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    assert providers.resolve_account(provider="openai", owner=alice.user).api_key == "sk-environment"
    make(admin, "openai", api_key="sk-servers")
    make(alice, "OpenAI", api_key="sk-hers", settings={"top_p": 0.5})
    account = providers.resolve_account(provider="openai", owner=alice.user)
    assert (account.kind, account.api_key, account.settings) == ("openai", "sk-hers", {"top_p": 0.5})
    assert providers.resolve_account(provider="openai", owner=bob.user).api_key == "sk-servers"


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_a_missing_key_says_which_variable_or_row_to_set(people, kind):
    _, alice, _ = people
    with pytest.raises(
        InvalidInput, match=f"set {kind.upper()}_API_KEY for the server, or add a provider named {kind}"
    ):
        providers.resolve_account(provider=kind, owner=alice.user)


def test_the_environments_key_goes_to_no_address_of_a_row(people, monkeypatch):
    _, alice, _ = people
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    make(alice, base_url=PUBLIC, api_key="")
    assert providers.resolve_account(provider="mine", owner=alice.user).api_key == ""
    make(alice, "plain", api_key="")
    assert providers.resolve_account(provider="plain", owner=alice.user).api_key == "sk-environment"


def test_demo_and_ollama_need_nothing(people):
    _, alice, _ = people
    assert providers.resolve_account(provider="demo", owner=alice.user).kind == "demo"
    assert providers.resolve_account(provider="ollama", owner=alice.user).allow_private


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        (":9000", "http://127.0.0.1:9000"),
        ("box", "http://box:11434"),
        ("http://box:8080/ollama/", "http://box:8080/ollama"),
        ("https://box", "https://box:443"),
        ("[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_the_variable_of_ollama_in_all_its_spellings(people, monkeypatch, host, url):
    _, alice, _ = people
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert providers.resolve_account(provider="ollama", owner=alice.user).base_url == url


def test_a_key_that_cannot_be_decrypted_any_more_is_to_be_given_again(people):
    _, alice, _ = people
    row = make(alice)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agents_provider SET api_key = 'gAAAAABother' WHERE id = %s", [row.pk])
    with pytest.raises(InvalidInput, match="give it again"):
        providers.resolve_account(provider="mine", owner=alice.user)


def test_an_agent_may_name_a_kind_or_a_provider_of_its_owner_or_the_server(people):
    admin, alice, bob = people
    make(alice, "Hers"), make(admin, "Ours")
    for name in ("anthropic", "openai", "ollama", "demo", "hers", "OURS"):
        providers.check_provider_name(name=name, owner=alice.user)
    for name in ("hers", "nobody", "", "Anthropic"):
        with pytest.raises(InvalidInput) as caught:
            providers.check_provider_name(name=name, owner=bob.user)
        assert caught.value.field == "provider"
    with pytest.raises(InvalidInput, match="no provider named 'nobody'"):
        providers.resolve_account(provider="nobody", owner=bob.user)


def test_a_provider_that_an_agent_uses_stays(people):
    admin, alice, bob = people
    hers, servers = make(alice), make(admin, "ours")
    agent = Agent.objects.create(owner=alice.user, name="Ada", provider="Mine")
    other = Agent.objects.create(owner=bob.user, name="Bob's", provider="ours")
    for row in (hers, servers):
        with pytest.raises(Conflict, match="uses"):
            providers.delete_provider(actor=admin, provider=row)
    with pytest.raises(Conflict, match="Ada uses mine"):
        providers.update_provider(actor=alice, provider=hers, name="another")
    providers.update_provider(actor=alice, provider=hers, name="MINE")
    for used in (agent, other):
        used.status = "archived"
        used.save()
    for row in (hers, servers):
        providers.delete_provider(actor=admin, provider=row)
    assert not Provider.objects.exists()


def test_a_provider_is_tested_with_a_real_call(people):
    admin, alice, _ = people
    with OpenAIUpstream() as upstream:
        row = make(admin, "ours", base_url=upstream.base_url, allow_private=True, settings={"top_p": 0.5})
        upstream.models = ["text-embedding-3", "talker"]
        upstream.script.append(reply("Hello"))
        outcome = try_provider(actor=alice, provider=row)
        assert outcome.pop("seconds") < 5
        assert outcome == {"ok": True, "model": "talker", "text": "Hello"}
        sent = upstream.requests[-1]
        assert sent.headers["Authorization"] == f"Bearer {KEY}" and sent.body["top_p"] == 0.5


def test_the_test_asks_the_model_that_an_agent_uses(people):
    admin, alice, _ = people
    with OpenAIUpstream(always=lambda: reply("Hello")) as upstream:
        row = make(admin, "ours", base_url=upstream.base_url, allow_private=True)
        Agent.objects.create(owner=alice.user, name="Ada", provider="ours", model="used")
        assert try_provider(actor=alice, provider=row)["model"] == "used"
        assert try_provider(actor=alice, provider=row, model="asked")["model"] == "asked"


def test_why_a_provider_does_not_answer(people):
    admin, _, bob = people
    with OpenAIUpstream(always=lambda: error(429, retry_after=1)) as upstream:
        row = make(admin, "ours", base_url=upstream.base_url, allow_private=True)
        outcome = try_provider(actor=bob, provider=row, model="m")
        assert not outcome["ok"] and outcome["seconds"] < 5, "nothing is waited for"
        assert outcome["error"] == "ours limits the rate of requests (429, asked once); it asks to wait 1 seconds."
    outcome = try_provider(actor=bob, provider=row)
    assert "nothing answers at its base URL" in outcome["error"] and KEY not in str(outcome)
    keyless = make(bob, "keyless", api_key="")
    assert "set OPENAI_API_KEY" in try_provider(actor=bob, provider=keyless)["error"]


def test_a_provider_that_takes_too_long_is_given_up(people, monkeypatch):
    admin, _, _ = people
    monkeypatch.setattr("agents.services.provider_calls.SECONDS", 0.3)
    slow = reply("Hello")
    slow.delay = 60
    with OpenAIUpstream(always=lambda: slow) as upstream:
        row = make(admin, "ours", base_url=upstream.base_url, allow_private=True)
        outcome = try_provider(actor=admin, provider=row, model="m")
        assert outcome["error"] == "ours did not answer within 0.3 seconds." and outcome["seconds"] < 5


def test_what_is_not_visible_is_not_called(people):
    _, alice, bob = people
    row = make(alice)
    for verb in (prepare_test, prepare_model_list):
        with pytest.raises(NotFound):
            verb(actor=bob, provider=row)


def test_models_are_listed(people):
    admin, _, bob = people
    with OpenAIUpstream() as upstream:
        row = make(admin, "ours", base_url=upstream.base_url, allow_private=True)
        upstream.models = ["second", "first"]
        assert list_models(actor=bob, provider=row) == ["first", "second"]
    with pytest.raises(Conflict, match="ours cannot be reached"):
        list_models(actor=bob, provider=row)


@pytest.mark.django_db(transaction=True)
def test_a_provider_is_not_removed_while_an_agent_comes_to_name_it(people):
    _, alice, _ = people
    row = make(alice)
    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        providers.check_provider_name(name="mine", owner=alice.user)
        removal = thread.submit(in_thread, providers.delete_provider, actor=alice, provider=row)
        with pytest.raises(TimeoutError):
            removal.result(timeout=0.3)
        Agent.objects.create(owner=alice.user, name="Ada", provider="mine")
    assert isinstance(removal.exception(), Conflict) and Provider.objects.filter(pk=row.pk).exists()


def in_thread(verb, **arguments):
    try:
        verb(**arguments)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_during_the_call(people):
    admin, _, _ = people
    held = []
    ours = connections["default"]

    def answer():
        held.append(ours.connection)
        return reply("Hello")

    with OpenAIUpstream(always=answer) as upstream:
        row = make(admin, "ours", base_url=upstream.base_url, allow_private=True)
        assert try_provider(actor=admin, provider=row, model="m")["ok"]
    assert held == [None]
