import asyncio
import json
import logging
from collections.abc import Iterator

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import AgentRevision, Provider
from gathering_site.common.models import IdempotencyKey
from gathering_site.events.models import Event
from tests.upstreams.openai import OpenAIUpstream, error, reply

KEY = "sk-test-0123456789abcdef"
OFFICE = {"name": "Office", "kind": "openai", "base_url": "https://1.1.1.1/v1", "api_key": KEY}


@pytest.fixture
async def office(as_alice: httpx.AsyncClient) -> dict:
    """A provider of alice's, as she was shown it."""
    answer = await as_alice.post("/providers", json=OFFICE)
    assert answer.status_code == 201
    return answer.json()


@pytest.fixture
def upstream() -> Iterator[OpenAIUpstream]:
    with OpenAIUpstream() as upstream:
        yield upstream


@pytest.fixture
async def local(as_charlie: httpx.AsyncClient, upstream: OpenAIUpstream) -> str:
    """The path of a provider of the server's that is there to be called."""
    body = OFFICE | {"name": "Local", "base_url": upstream.base_url, "allow_private": True}
    return f"/providers/{(await as_charlie.post('/providers', json=body)).json()['id']}"


async def test_a_provider_is_got_as_it_was_added(as_alice, alice, office):
    assert office.items() >= {"name": "Office", "kind": "openai", "base_url": "https://1.1.1.1/v1"}.items()
    assert (office["owner"], office["allow_private"], office["settings"]) == (alice.pk, False, {})
    assert (await as_alice.get(f"/providers/{office['id']}")).json() == office


async def test_whether_there_is_a_key_is_shown_and_the_key_is_not(as_alice, office):
    assert office["has_key"] is True
    path = f"/providers/{office['id']}"
    answers = [
        await as_alice.get(path),
        await as_alice.get("/providers"),
        await as_alice.get("/providers?page=1"),
        await as_alice.patch(path, json={"name": "Study"}),
        await as_alice.put(path, json=OFFICE),
        await as_alice.post("/providers", json=OFFICE),
        await as_alice.patch(path, json={"base_url": "http://10.0.0.1/v1", "api_key": KEY}),
        await as_alice.patch(path, json={"api_key": KEY + "\nX"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 409, 422, 422]
    assert not [answer.text for answer in answers if KEY in answer.text or 'api_key":"' in answer.text]
    without = await as_alice.patch(path, json={"api_key": ""})
    assert without.json()["has_key"] is False


async def test_a_key_is_in_no_history_event_log_or_table(as_alice, as_charlie, local, upstream, caplog):
    caplog.set_level(logging.DEBUG)
    headers = {"Idempotency-Key": "one"}
    await as_alice.post("/providers", json=OFFICE, headers=headers)
    await as_alice.post("/agents", json={"name": "Ada", "provider": "Office", "model": "m"})
    upstream.script.append(error(401, f"Incorrect API key provided: {KEY}"))
    outcome = (await as_charlie.post(f"{local}/test", json={"model": "m"})).json()
    assert outcome["ok"] is False and KEY not in json.dumps(outcome)
    assert KEY not in caplog.text

    def stored() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT api_key FROM agents_provider")
            keys = [key for (key,) in cursor]
        kept = IdempotencyKey.objects.values_list("body", flat=True)
        rows = [*Event.objects.values(), *AgentRevision.objects.values(), *keys, *(bytes(body) for body in kept)]
        connection.close()
        return str(rows)

    everything = await asyncio.to_thread(stored)
    assert "Office" in everything and KEY not in everything


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "openai"}, "name"),
        ({"name": "Office"}, "kind"),
        ({"name": "   ", "kind": "openai"}, "name"),
        ({"name": "x" * 101, "kind": "openai"}, "name"),
        ({"name": 7, "kind": "openai"}, "name"),
        ({"name": "Anthropic", "kind": "openai"}, "name"),
        ({"name": "Office", "kind": "telepathy"}, "kind"),
        ({"name": "Office", "kind": "openai", "base_url": "ftp://example.com"}, "base_url"),
        ({"name": "Office", "kind": "openai", "base_url": "https://1.1.1.1/\x00"}, "base_url"),
        ({"name": "Office", "kind": "openai", "api_key": 7}, "api_key"),
        ({"name": "Office", "kind": "openai", "settings": []}, "settings"),
        ({"name": "Office", "kind": "openai", "settings": {"a": "\x00"}}, "settings"),
        ({"name": "Office", "kind": "openai", "allow_private": "perhaps"}, "allow_private"),
        ({"name": "Office", "kind": "openai", "colour": "green"}, "colour"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_with_the_field_s_name(as_alice, body, field):
    answer = await as_alice.post("/providers", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", field]


@pytest.mark.parametrize(
    "base_url",
    [
        "http://169.254.169.254/v1",
        "http://[fd00:ec2::254]/v1",
        "http://metadata.google.internal/v1",
        "http://127.0.0.1:8000/v1",
        "http://2130706433/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "http://192.168.1.1/v1",
    ],
)
async def test_addresses_inside_are_refused(as_alice, office, base_url):
    for answer in [
        await as_alice.post("/providers", json={"name": "Inside", "kind": "openai", "base_url": base_url}),
        await as_alice.patch(f"/providers/{office['id']}", json={"base_url": base_url, "api_key": KEY}),
    ]:
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "base_url"]


async def test_only_an_administrator_allows_private_addresses_and_never_link_local_ones(as_alice, as_charlie):
    inside = {"name": "Inside", "kind": "openai", "base_url": "http://10.0.0.1/v1", "allow_private": True}
    assert (await as_alice.post("/providers", json=inside)).status_code == 403
    assert (await as_charlie.post("/providers", json=inside)).status_code == 201
    linked = inside | {"name": "Linked", "base_url": "http://169.254.169.254/v1"}
    assert (await as_charlie.post("/providers", json=linked)).status_code == 422


async def test_a_key_does_not_move_to_another_address(as_alice, office):
    path = f"/providers/{office['id']}"
    moved = {"base_url": "https://8.8.8.8/v1"}
    refused = await as_alice.patch(path, json=moved)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "api_key"])
    assert (await as_alice.patch(path, json=moved | {"api_key": KEY})).json()["base_url"] == "https://8.8.8.8/v1"


async def test_what_was_got_can_be_put_and_keeps_its_key(as_alice, office):
    put = await as_alice.put(f"/providers/{office['id']}", json=office)
    assert put.status_code == 200
    assert put.json() | {"updated_at": ""} == office | {"updated_at": ""}


async def test_bob_does_not_see_alice_s_provider(as_bob, office):
    path = f"/providers/{office['id']}"
    for answer in [
        await as_bob.get(path),
        await as_bob.patch(path, json={"name": "His"}),
        await as_bob.put(path, json=OFFICE),
        await as_bob.delete(path),
        await as_bob.post(f"{path}/test"),
        await as_bob.get(f"{path}/models"),
    ]:
        assert (answer.status_code, answer.json()) == (404, {"detail": "Provider not found"})
    assert (await as_bob.get("/providers")).json() == []


async def test_bob_sees_the_server_s_provider_but_does_not_change_it(as_bob, local):
    shown = (await as_bob.get(local)).json()
    assert (shown["owner"], shown["name"]) == (None, "Local")
    assert (await as_bob.patch(local, json={"name": "His"})).status_code == 403
    assert (await as_bob.delete(local)).status_code == 403


async def test_a_provider_that_an_agent_names_is_not_removed(as_alice, office):
    path = f"/providers/{office['id']}"
    ada = (await as_alice.post("/agents", json={"name": "Ada", "provider": "Office", "model": "m"})).json()
    refused = await as_alice.delete(path)
    assert refused.status_code == 409 and "Ada" in refused.json()["error"]
    await as_alice.delete(f"/agents/{ada['id']}")
    assert (await as_alice.delete(path)).status_code == 204
    assert (await as_alice.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Office", "Study lamp", "Attic"]),
        ("?kind=ollama", ["Attic"]),
        ("?search=lam%20stu", ["Study lamp"]),
        ("?search=nobody", []),
        ("?ordering=name", ["Attic", "Office", "Study lamp"]),
        ("?ordering=-created_at", ["Attic", "Study lamp", "Office"]),
        ("?limit=1&offset=1", ["Study lamp"]),
    ],
)
async def test_the_list_is_filtered_and_ordered(as_alice, office, query, names):
    await as_alice.post("/providers", json={"name": "Study lamp", "kind": "anthropic"})
    await as_alice.post("/providers", json={"name": "Attic", "kind": "ollama"})
    assert [provider["name"] for provider in (await as_alice.get(f"/providers{query}")).json()] == names


@pytest.mark.parametrize("query", ["colour=green", "kind=telepathy", "ordering=api_key", "api_key=sk", "limit=0"])
async def test_what_the_list_does_not_know_is_refused(as_alice, query):
    answer = await as_alice.get(f"/providers?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


async def test_a_test_tells_what_answered_and_how_fast(as_bob, local, upstream):
    upstream.script.append(reply("Hello"))
    answer = await as_bob.post(f"{local}/test")
    assert answer.status_code == 200
    outcome = answer.json()
    assert 0 < outcome.pop("seconds") < 5
    assert outcome == {"ok": True, "model": "first-model", "text": "Hello"}
    assert upstream.requests[-1].headers["Authorization"] == f"Bearer {KEY}"


async def test_a_test_tells_why_nothing_answered(as_bob, local, upstream):
    upstream.script.append(error(500))
    outcome = (await as_bob.post(f"{local}/test", json={"model": "chosen"})).json()
    assert (outcome["ok"], outcome["model"]) == (False, "chosen")
    assert "Local" in outcome["error"]


async def test_a_test_does_not_tell_which_model_of_the_provider_another_person_s_agent_uses(as_alice, as_bob, local):
    await as_alice.post("/agents", json={"name": "Ada", "provider": "Local", "model": "alices-own"})
    assert (await as_alice.post(f"{local}/test")).json()["model"] == "alices-own"
    assert (await as_bob.post(f"{local}/test")).json()["model"] == "first-model"


async def test_an_answer_that_is_waited_for_has_the_headers_of_every_answer(as_bob, local):
    at_once, later = await as_bob.get(local), await as_bob.get(f"{local}/models")
    assert later.headers.keys() == at_once.headers.keys() - {"vary", "allow"}
    assert later.headers["X-Content-Type-Options"] == "nosniff"
    assert int(later.headers["Content-Length"]) == len(later.content)
    assert later.headers["X-Request-ID"] != at_once.headers["X-Request-ID"]


async def test_a_test_is_made_anew_with_the_same_key_of_idempotency(as_bob, local, upstream):
    upstream.script += [reply("Hello"), reply("Again")]
    headers = {"Idempotency-Key": "one"}
    answers = [await as_bob.post(f"{local}/test", json={"model": "m"}, headers=headers) for _ in range(2)]
    assert [answer.json()["text"] for answer in answers] == ["Hello", "Again"]


async def test_models_are_listed(as_bob, local, upstream):
    answer = await as_bob.get(f"{local}/models")
    assert (answer.status_code, answer.json()) == (200, ["first-model", "second-model"])
    upstream.models_answer = error(401)
    refused = await as_bob.get(f"{local}/models")
    assert refused.status_code == 409 and "Local" in refused.json()["error"]


async def test_providers_that_are_slow_hold_up_nobody_else(as_bob, local, upstream, settings):
    """More tests than there are threads for requests wait for an answer; a request beside them does not."""
    slow = reply("Hello")
    slow.delay = 1.5
    many = 2 * settings.REQUEST_THREADS
    upstream.script += [slow] * many
    tests = [asyncio.create_task(as_bob.post(f"{local}/test", json={"model": "m"})) for _ in range(many)]
    while len(upstream.requests) < many:
        await asyncio.sleep(0.01)
    assert (await as_bob.patch(local, json={})).status_code == 403, "which needs a thread and the database"
    assert not any(test.done() for test in tests)
    assert {answer.json()["text"] for answer in await asyncio.gather(*tests)} == {"Hello"}


@pytest.mark.django_db(transaction=True)
def test_a_list_takes_as_many_queries_however_long_it_is(client, charlie):
    client.force_login(charlie)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/providers?limit=200").status_code == 200
        return len(captured)

    Provider.objects.create(name="first", kind="demo")
    few = queries()
    Provider.objects.bulk_create(Provider(name=f"{number}", kind="demo", owner=charlie) for number in range(30))
    assert queries() == few


async def test_without_a_token_nobody_gets_in(anonymous):
    for method, path in [("GET", ""), ("POST", ""), ("GET", "/1"), ("POST", "/1/test"), ("GET", "/1/models")]:
        assert (await anonymous.request(method, f"/providers{path}")).status_code == 401
