import asyncio

import pytest

from conversations.services.conversations import stop_conversation
from conversations.services.messages import post_message
from gathering_site.common.actors import Actor


async def test_alice_opens_a_conversation(as_alice, alice, ada):
    answer = await as_alice.post("/conversations", json={"title": "Primes", "agents": [ada.pk]})
    assert answer.status_code == 201
    opened = answer.json()
    assert (opened["title"], opened["agents"], opened["circle"]) == ("Primes", [ada.pk], None)
    assert (opened["status"], opened["owner"]) == ("active", alice.pk)
    assert (await as_alice.get(f"/conversations/{opened['id']}")).json() == opened
    assert (await as_alice.get("/conversations")).json() == [opened]


@pytest.mark.parametrize("body", [{"agents": [999]}, {"agents": ["x"]}, {"circle": 1}, {"title": 3}, {"colour": 1}])
async def test_a_body_that_does_not_fit_is_refused(as_alice, body):
    answer = await as_alice.post("/conversations", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", next(iter(body))]


async def test_bob_cannot_seat_alice_s_private_agent(as_bob, ada):
    assert (await as_bob.post("/conversations", json={"agents": [ada.pk]})).status_code == 422


async def test_what_is_said_is_stored_and_its_run_queued(as_alice, alice, ada, talk):
    answer = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})
    assert answer.status_code == 201
    message, [run] = answer.json()["message"], answer.json()["runs"]
    assert message["author"] == {"kind": "user", "id": alice.pk, "name": "alice"}
    assert (message["text"], message["state"], message["run"]) == ("hello", "complete", None)
    assert (run["agent"], run["conversation"], run["state"]) == (ada.pk, talk.pk, "queued")
    assert (await as_alice.get(f"/conversations/{talk.pk}/messages")).json() == [message]


@pytest.mark.parametrize("text", ["", "  ", "x" * 100_001, "a\x00b", None, 5])
async def test_a_text_that_does_not_fit_is_refused(as_alice, talk, text):
    answer = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": text})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "text"]


async def test_a_text_is_kept_letter_by_letter(as_alice, talk):
    text = "  tabs\tand\nlines \U0001f9ee é́ "
    await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": text})
    [message] = (await as_alice.get(f"/conversations/{talk.pk}/messages")).json()
    assert message["text"] == text


async def test_messages_are_paged_by_id_newest_last(as_alice, talk):
    path = f"/conversations/{talk.pk}/messages"
    ids = [(await as_alice.post(path, json={"text": str(n)})).json()["message"]["id"] for n in range(5)]

    async def listed(query: str) -> list[int]:
        return [message["id"] for message in (await as_alice.get(f"{path}?{query}")).json()]

    assert await listed("limit=2") == ids[3:]
    assert await listed("limit=2&offset=2") == ids[1:3]
    assert await listed(f"limit=2&after={ids[0]}") == ids[1:3]
    assert await listed(f"limit=2&before={ids[3]}") == ids[1:3]
    assert await listed(f"after={ids[4]}") == []
    page = (await as_alice.get(f"{path}?page=1&page_size=2")).json()
    assert ([message["id"] for message in page["items"]], page["total"]) == (ids[3:], 5)


async def test_two_who_write_at_once_keep_one_order_for_everybody(as_alice, as_charlie, talk):
    path = f"/conversations/{talk.pk}/messages"
    await asyncio.gather(*[who.post(path, json={"text": "now"}) for who in (as_alice, as_charlie) for _ in range(10)])
    ids = [message["id"] for message in (await as_alice.get(f"{path}?limit=50")).json()]
    assert len(ids) == 20
    assert ids == sorted(ids)


async def test_one_waiting_run_answers_all_that_came_before_it(as_alice, talk):
    path = f"/conversations/{talk.pk}/messages"
    answers = await asyncio.gather(*[as_alice.post(path, json={"text": "hello"}) for _ in range(5)])
    assert len({answer.json()["runs"][0]["id"] for answer in answers}) == 1


async def test_bob_does_not_see_a_private_conversation(as_bob, talk):
    for answer in [
        await as_bob.get(f"/conversations/{talk.pk}"),
        await as_bob.get(f"/conversations/{talk.pk}/messages"),
        await as_bob.get(f"/conversations/{talk.pk}/events"),
        await as_bob.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"}),
        await as_bob.patch(f"/conversations/{talk.pk}", json={"title": "mine"}),
        await as_bob.delete(f"/conversations/{talk.pk}"),
    ]:
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Conversation not found"}


async def test_bob_writes_in_a_shared_conversation_but_does_not_change_it(as_alice, as_bob, talk):
    await as_alice.patch(f"/conversations/{talk.pk}", json={"visibility": "shared"})
    said = await as_bob.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})
    assert said.status_code == 201
    assert (await as_bob.patch(f"/conversations/{talk.pk}", json={"title": "mine"})).status_code == 403
    assert (await as_bob.delete(f"/conversations/{talk.pk}")).status_code == 403


async def test_nobody_writes_in_an_archived_conversation(as_alice, talk):
    said = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})
    assert (await as_alice.delete(f"/conversations/{talk.pk}")).status_code == 204
    assert (await as_alice.get(f"/conversations/{talk.pk}")).json()["status"] == "archived"
    assert (await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})).status_code == 409
    run = (await as_alice.get(f"/runs/{said.json()['runs'][0]['id']}")).json()
    assert (run["state"], run["reason"]) == ("cancelled", "Stopped by alice.")


async def test_the_named_agent_answers_else_who_spoke_last_else_the_first(as_alice, ada, talk):
    grace = (await as_alice.post("/agents", json={"name": "Grace", "provider": "demo"})).json()["id"]
    await as_alice.patch(f"/conversations/{talk.pk}", json={"agents": [ada.pk, grace]})

    async def answering(text: str) -> list[int]:
        answer = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": text})
        return [run["agent"] for run in answer.json()["runs"]]

    assert await answering("hello") == [ada.pk]
    assert await answering("@grace hello") == [grace]
    assert await answering("@all hello") == [ada.pk, grace]
    assert await answering("mail me at x@gracefield.org") == [ada.pk]


async def test_an_agent_that_is_no_longer_shared_does_not_answer_in_others_conversations(as_alice, as_bob, ada):
    await as_alice.patch(f"/agents/{ada.pk}", json={"visibility": "shared"})
    talk = (await as_bob.post("/conversations", json={"agents": [ada.pk]})).json()["id"]
    await as_alice.patch(f"/agents/{ada.pk}", json={"visibility": "private"})
    said = await as_bob.post(f"/conversations/{talk}/messages", json={"text": "@Ada hello"})
    assert (said.status_code, said.json()["runs"]) == (201, [])


async def test_a_conversation_that_is_archived_by_a_change_stops_its_runs(as_alice, talk):
    said = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})
    await as_alice.patch(f"/conversations/{talk.pk}", json={"status": "archived"})
    run = (await as_alice.get(f"/runs/{said.json()['runs'][0]['id']}")).json()
    assert run["state"] == "cancelled"


async def test_a_paused_agent_does_not_answer(as_alice, ada, talk):
    await as_alice.patch(f"/agents/{ada.pk}", json={"status": "paused"})
    said = await as_alice.post(f"/conversations/{talk.pk}/messages", json={"text": "hello"})
    assert (said.status_code, said.json()["runs"]) == (201, [])
    asked = await as_alice.post(f"/agents/{ada.pk}/chat", json={"message": "hello"})
    assert asked.status_code == 409
    assert "paused" in asked.json()["error"]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["Primes", "Zeros"]),
        ("?status=archived", ["Zeros"]),
        ("?ordering=-title", ["Zeros", "Primes"]),
        ("?agent={ada}", ["Primes"]),
    ],
)
async def test_the_list_is_filtered_and_ordered(as_alice, ada, talk, query, titles):
    other = (await as_alice.post("/conversations", json={"title": "Zeros"})).json()["id"]
    await as_alice.delete(f"/conversations/{other}")
    answer = await as_alice.get("/conversations" + query.format(ada=ada.pk))
    assert [conversation["title"] for conversation in answer.json()] == titles


async def test_a_message_with_the_same_key_is_said_once(as_alice, talk):
    path, headers = f"/conversations/{talk.pk}/messages", {"Idempotency-Key": "one"}
    answers = await asyncio.gather(*[as_alice.post(path, json={"text": "hello"}, headers=headers) for _ in range(4)])
    assert len({answer.content for answer in answers}) == 1
    assert len((await as_alice.get(path)).json()) == 1


def test_who_stops_a_shared_conversation_stops_their_own_runs_and_its_owner_all(alice, bob, talk):
    def say(user):
        return post_message(actor=Actor(user=user, door="socket"), conversation=talk, text="hello")

    say(alice), say(bob)
    assert stop_conversation(actor=Actor(user=bob, door="socket"), conversation=talk) == 1
    say(bob)
    assert stop_conversation(actor=Actor(user=alice, door="socket"), conversation=talk) == 2
