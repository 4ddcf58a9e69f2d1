import asyncio
from itertools import pairwise

import pytest
from channels.db import database_sync_to_async

from gathering_site.events.models import Event


async def test_alice_creates_an_agent_with_the_usual_provider_and_model(as_alice):
    answer = await as_alice.post("/agents", json={"name": "Ada"})
    assert answer.status_code == 201
    assert answer.json()["provider"] == "anthropic"
    assert answer.json()["model"] == "claude-sonnet-4-20250514"
    assert answer.json()["status"] == "active"


async def test_an_agent_is_got_as_it_was_made(as_alice):
    made = (
        await as_alice.post("/agents", json={"name": "Ada", "tags": ["science"], "settings": {"temperature": 0}})
    ).json()
    assert (await as_alice.get(f"/agents/{made['id']}")).json() == made
    assert (await as_alice.get(f"/agents/{made['id']}/details")).json() == {"agent": made}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 7}, "name"),
        ({"name": "Ada\x00"}, "name"),
        ({"name": "Ada", "provider": "nobody"}, "provider"),
        ({"name": "Ada", "role": "x" * 101}, "role"),
        ({"name": "Ada", "status": "asleep"}, "status"),
        ({"name": "Ada", "settings": {"temperature": 9}}, "settings"),
        ({"name": "Ada", "settings": {"temprature": 1}}, "settings"),
        ({"name": "Ada", "settings": []}, "settings"),
        ({"name": "Ada", "tags": "science"}, "tags"),
        ({"name": "Ada", "colour": "green"}, "colour"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_with_the_field_s_name(as_alice, body, field):
    answer = await as_alice.post("/agents", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", field]
    assert answer.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"Ada"', b"null", b'{"name": "\xff"}', b'{"name": "\\ud800"}'])
async def test_a_body_that_is_no_json_object_is_refused(as_alice, body):
    answer = await as_alice.post("/agents", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body"]


async def test_a_body_over_a_mebibyte_is_refused(as_alice):
    answer = await as_alice.post("/agents", json={"name": "Ada", "system_prompt": "x" * 2**20})
    assert answer.status_code == 413


async def test_an_owner_has_one_agent_of_a_name_in_any_case(as_alice, as_bob, ada):
    assert (await as_alice.post("/agents", json={"name": "ADA"})).status_code == 409
    assert (await as_bob.post("/agents", json={"name": "Ada"})).status_code == 201


async def test_of_two_at_once_one_gets_the_name(as_alice):
    answers = await asyncio.gather(*[as_alice.post("/agents", json={"name": "Ada"}) for _ in range(6)])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]


async def test_bob_does_not_see_alice_s_private_agent(as_bob, ada):
    for answer in [
        await as_bob.get(f"/agents/{ada.pk}"),
        await as_bob.patch(f"/agents/{ada.pk}", json={"role": "spy"}),
        await as_bob.delete(f"/agents/{ada.pk}"),
        await as_bob.get(f"/agents/{ada.pk}/history"),
        await as_bob.post(f"/agents/{ada.pk}/chat", json={"message": "hello"}),
    ]:
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Agent not found"}
    assert (await as_bob.get("/agents")).json() == []


async def test_bob_sees_a_shared_agent_but_does_not_change_it(as_alice, as_bob, ada):
    await as_alice.patch(f"/agents/{ada.pk}", json={"visibility": "shared"})
    assert (await as_bob.get(f"/agents/{ada.pk}")).status_code == 200
    assert (await as_bob.patch(f"/agents/{ada.pk}", json={"role": "spy"})).status_code == 403
    assert (await as_bob.delete(f"/agents/{ada.pk}")).status_code == 403


async def test_what_an_agent_was_before_it_was_shared_stays_its_owner_s(as_alice, as_bob, ada):
    await as_alice.patch(f"/agents/{ada.pk}", json={"system_prompt": "the vault's code is 1234"})
    await as_alice.patch(f"/agents/{ada.pk}", json={"system_prompt": "", "visibility": "shared"})
    history = await as_bob.get(f"/agents/{ada.pk}/history")
    assert (history.status_code, "1234" in history.text) == (403, False)
    assert (await as_bob.post(f"/agents/{ada.pk}/history/1/restore")).status_code == 403
    told = await database_sync_to_async(lambda: str(list(Event.objects.values_list("data", flat=True))))()
    assert "system_prompt" in told and "1234" not in told


async def test_an_administrator_sees_and_changes_every_agent(as_charlie, ada):
    assert (await as_charlie.patch(f"/agents/{ada.pk}", json={"role": "clerk"})).json()["role"] == "clerk"


@pytest.mark.parametrize(("path", "status"), [("999", 404), ("0", 404), ("-1", 404), ("9" * 30, 404), ("x", 422)])
async def test_an_id_is_a_whole_number(as_alice, path, status):
    answer = await as_alice.get(f"/agents/{path}")
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["detail"][0]["loc"] == ["path", "id"]


async def test_a_trailing_slash_means_nothing(as_alice, ada):
    assert (await as_alice.get(f"/agents/{ada.pk}/")).status_code == 200
    assert (await as_alice.get("/agents/")).status_code == 200
    assert (await as_alice.post("/agents/", json={"name": "Grace"})).status_code == 201


async def test_every_change_is_a_revision(as_alice, alice, ada):
    await as_alice.patch(f"/agents/{ada.pk}", json={"role": "mathematician"})
    await as_alice.patch(f"/agents/{ada.pk}", json={"role": "mathematician"})
    revisions = (await as_alice.get(f"/agents/{ada.pk}/history")).json()
    assert [revision["number"] for revision in revisions] == [2, 1]
    assert revisions[0]["changes"] == {"role": ["", "mathematician"]}
    assert (revisions[0]["user"], revisions[0]["door"]) == (alice.pk, "rest")


async def test_an_agent_is_restored_as_it_was(as_alice, ada):
    await as_alice.patch(f"/agents/{ada.pk}", json={"role": "mathematician", "tags": ["science"]})
    restored = await as_alice.post(f"/agents/{ada.pk}/history/1/restore")
    assert (restored.json()["role"], restored.json()["tags"]) == ("", [])
    assert len((await as_alice.get(f"/agents/{ada.pk}/history")).json()) == 3
    assert (await as_alice.post(f"/agents/{ada.pk}/history/9/restore")).status_code == 404


async def test_many_changes_at_once_are_as_many_revisions(as_alice, ada):
    await asyncio.gather(*[as_alice.patch(f"/agents/{ada.pk}", json={"role": f"{n}"}) for n in range(8)])
    revisions = (await as_alice.get(f"/agents/{ada.pk}/history")).json()
    assert [revision["number"] for revision in revisions] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    for later, earlier in pairwise(revisions):
        assert later["changes"]["role"][0] == earlier["values"]["role"]


async def test_put_sets_what_is_not_given_back_to_its_default(as_alice, ada):
    await as_alice.patch(f"/agents/{ada.pk}", json={"role": "mathematician"})
    answer = await as_alice.put(f"/agents/{ada.pk}", json={"name": "Ada"})
    assert (answer.json()["role"], answer.json()["provider"]) == ("", "anthropic")
    assert (await as_alice.put(f"/agents/{ada.pk}", json={"role": "x"})).status_code == 422


async def test_what_was_got_can_be_put(as_alice, ada):
    got = (await as_alice.get(f"/agents/{ada.pk}")).json()
    put = await as_alice.put(f"/agents/{ada.pk}", json=got)
    assert put.status_code == 200
    assert put.json() == got


async def test_an_agent_that_did_nothing_is_removed(as_alice, ada, talk):
    assert (await as_alice.delete(f"/agents/{ada.pk}")).status_code == 204
    assert (await as_alice.get(f"/agents/{ada.pk}")).status_code == 404


async def test_an_agent_with_history_is_archived(as_alice, ada, talk):
    await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})
    assert (await as_alice.delete(f"/agents/{ada.pk}")).status_code == 204
    assert (await as_alice.get(f"/agents/{ada.pk}")).json()["status"] == "archived"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Ada", "Grace", "Alan"]),
        ("?status=paused", ["Grace"]),
        ("?provider=openai", ["Alan"]),
        ("?model=gpt-4o", ["Alan"]),
        ("?tag=navy", ["Grace"]),
        ("?search=gra", ["Grace"]),
        ("?search=admiral%20grace", ["Grace"]),
        ("?search=%26%20|", []),
        ("?ordering=name", ["Ada", "Alan", "Grace"]),
        ("?ordering=-name", ["Grace", "Alan", "Ada"]),
        ("?limit=1&offset=1", ["Grace"]),
    ],
)
async def test_the_list_is_filtered_and_ordered(as_alice, query, names):
    await as_alice.post("/agents", json={"name": "Ada"})
    await as_alice.post("/agents", json={"name": "Grace", "role": "admiral", "status": "paused", "tags": ["navy"]})
    await as_alice.post("/agents", json={"name": "Alan", "provider": "openai", "model": "gpt-4o"})
    assert [agent["name"] for agent in (await as_alice.get(f"/agents{query}")).json()] == names


@pytest.mark.parametrize(
    "query", ["colour=green", "status=asleep", "ordering=colour", "limit=0", "limit=201", "offset=-1", "page=x"]
)
async def test_what_the_list_does_not_know_is_refused(as_alice, query):
    answer = await as_alice.get(f"/agents?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


async def test_a_list_comes_as_an_array_or_as_an_envelope(as_alice):
    for number in range(12):
        await as_alice.post("/agents", json={"name": f"Agent {number}"})
    first = await as_alice.get("/agents")
    assert (len(first.json()), first.headers["X-Total-Count"]) == (10, "12")
    assert first.headers["Link"] == '</agents?limit=10&offset=10>; rel="next"'
    page = (await as_alice.get("/agents?page=2&page_size=5")).json()
    assert (len(page["items"]), page["total"], page["page"], page["page_size"]) == (5, 12, 2, 5)
    assert page["items"][0]["name"] == "Agent 5"


async def test_the_same_key_creates_once(as_alice):
    headers = {"Idempotency-Key": "one"}
    answers = await asyncio.gather(*[as_alice.post("/agents", json={"name": "Ada"}, headers=headers) for _ in range(4)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    other = await as_alice.post("/agents", json={"name": "Grace"}, headers=headers)
    assert other.status_code == 409


async def test_a_key_is_its_user_s_own(as_alice, as_bob):
    headers = {"Idempotency-Key": "one"}
    alices = await as_alice.post("/agents", json={"name": "Ada"}, headers=headers)
    bobs = await as_bob.post("/agents", json={"name": "Ada"}, headers=headers)
    assert alices.json()["id"] != bobs.json()["id"]


async def test_without_a_token_nobody_gets_in(anonymous, connect):
    for client in (anonymous, connect("nonsense")):
        answer = await client.get("/agents")
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
        assert answer.headers["WWW-Authenticate"] == "Bearer"
