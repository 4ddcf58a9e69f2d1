"""Requests in forms that clients rarely send."""

import asyncio
from contextlib import suppress

import httpx

from conversations.services.chat import chat, chat_data
from conversations.views.chat import wait_for_answer
from gathering_site.common.actors import Actor
from gathering_site.common.threads import in_database
from gathering_site.events.admission import admit
from gathering_site.events.hub import hub


async def test_a_body_may_come_in_chunks(server, alice_token):
    async def pieces():
        yield b'{"name":'
        yield b'"Ada"}'

    async with httpx.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {alice_token}"}) as client:
        answer = await client.post("/agents", content=pieces())
    assert (answer.status_code, answer.json()["name"]) == (201, "Ada")


async def test_the_head_of_a_stream_ends(server, alice_token, talk):
    async with httpx.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {alice_token}"}) as client:
        head = await client.head(f"/conversations/{talk.pk}/events", timeout=5)
        assert (head.status_code, head.headers["Content-Type"]) == (200, "text/event-stream")
        assert (await client.head("/conversations/999999/events", timeout=5)).status_code == 404


async def test_a_client_that_leaves_while_its_answer_s_reader_joins_leaves_nothing_at_the_hub(alice, ada):
    said = await in_database(chat, actor=Actor(alice, "rest"), agent=ada, text="hello")
    data = await in_database(chat_data, message=said.message, run=said.run)
    where = {"prefix": "conversations", "identifier": data["conversation"], "after": said.number}
    reader = await in_database(admit, login=lambda: alice, **where)
    waiting = asyncio.create_task(wait_for_answer(reader, data))
    await asyncio.sleep(0)
    [channel] = hub().channels.values()
    assert reader in channel.readers and not channel.subscribed.is_set(), "it is still joining"
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert not channel.readers
