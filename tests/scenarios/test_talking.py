"""A person talks to an agent: through REST, server-sent events and a socket, against a real worker."""

import asyncio
import json
import time

import pytest
from channels.db import database_sync_to_async

from agents.models import RunStep
from agents.providers.turns import wire_name
from tests.scenarios.conftest import ended
from tests.upstreams import anthropic, ollama, openai

NAME = wire_name("clock.now")
CLOCK = {"type": "tool_use", "id": "c1", "name": NAME, "input": {}}
PARIS = '{"time_zone": "Europe/Paris"}'


async def test_the_answer_is_waited_for(client, ada):
    answer = await client.post(f"/agents/{ada.pk}/chat", json={"message": "hello"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["message"]["text"], body["run"]["state"]) == ("hello", "succeeded")
    assert body["answer"]["author"] == {"kind": "agent", "id": ada.pk, "name": "Ada"}
    assert "rehearsal" in body["answer"]["text"] and body["answer"]["state"] == "complete"
    opened = (await client.get(f"/conversations/{body['conversation']}")).json()
    assert (opened["title"], opened["agents"]) == ("hello", [ada.pk])


async def test_the_answer_streams(client, ada):
    kinds, text, numbers = [], "", []
    async with client.stream("POST", f"/agents/{ada.pk}/chat", json={"message": "hello", "stream": True}) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                numbers.append(int(line[4:]))
            if line.startswith("data: "):
                frame = json.loads(line[6:])
                kinds.append(frame["kind"])
                if frame["kind"] == "message.delta":
                    text = text[: frame["data"]["offset"]] + frame["data"]["text"]
                if frame["kind"] == "message.completed":
                    assert frame["data"]["message"]["text"] == text
    assert kinds[:4] == ["message.created", "run.queued", "message.created", "run.started"]
    assert kinds[-2:] == ["message.completed", "run.finished"]
    assert kinds.count("message.delta") > 3
    assert numbers == list(range(1, 7))


async def test_a_chat_goes_on_in_its_conversation(client, ada, talk):
    for question in ("one", "two"):
        await client.post(f"/agents/{ada.pk}/chat", json={"message": question, "conversation": talk.pk})
    messages = (await client.get(f"/conversations/{talk.pk}/messages")).json()
    assert [message["author"]["kind"] for message in messages] == ["user", "agent", "user", "agent"]
    other = (await client.post("/conversations", json={})).json()["id"]
    refused = await client.post(f"/agents/{ada.pk}/chat", json={"message": "x", "conversation": other})
    assert refused.status_code == 422


async def test_a_chat_with_the_same_key_is_asked_once(client, ada):
    headers = {"Idempotency-Key": "one"}
    answers = await asyncio.gather(
        *[client.post(f"/agents/{ada.pk}/chat", json={"message": "hello"}, headers=headers) for _ in range(3)]
    )
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["answer"]["state"] == "complete"
    assert len((await client.get("/runs")).json()) == 1


async def test_a_tool_is_called_and_each_step_is_kept(client, ada):
    body = (await client.post(f"/agents/{ada.pk}/chat", json={"message": f"call clock.now {PARIS}"})).json()
    assert "clock.now gave" in body["answer"]["text"]
    steps = (await client.get(f"/runs/{body['run']['id']}/steps")).json()
    assert [(step["number"], step["kind"], step["state"]) for step in steps] == [
        (1, "reply", "done"),
        (2, "tool", "done"),
        (3, "reply", "done"),
    ]
    assert steps[1]["arguments"] == {"time_zone": "Europe/Paris"}
    assert steps[0]["finished_at"] > steps[0]["started_at"]


async def test_a_failure_is_one_sentence_in_the_conversation(client, ada, talk):
    body = (await client.post(f"/agents/{ada.pk}/chat", json={"message": "fail", "conversation": talk.pk})).json()
    assert (body["run"]["state"], body["answer"]["state"]) == ("failed", "failed")
    assert body["answer"]["text"] == body["run"]["reason"] != ""
    again = await client.post(f"/agents/{ada.pk}/chat", json={"message": "hello", "conversation": talk.pk})
    assert again.json()["run"]["state"] == "succeeded"


async def test_a_person_talks_over_a_socket(client, talk, listen):
    socket = await listen()
    await socket.send(type="send", text="hello", id="a1")
    await socket.read(ended)
    [ack] = [frame for frame in socket.frames if frame.get("type") == "ack"]
    assert (ack["id"], ack["result"]["message"]["text"]) == ("a1", "hello")
    assert socket.numbers() == list(range(1, len(socket.numbers()) + 1))
    [answer] = (await client.get(f"/conversations/{talk.pk}/messages?limit=1")).json()
    assert socket.texts == {answer["id"]: answer["text"]}


async def test_who_joins_in_the_middle_has_the_whole_text(client, talk, listen):
    await client.post(f"/conversations/{talk.pk}/messages", json={"text": "write 40 words"})
    first = await listen()
    await first.read(lambda frame: frame.get("kind") == "message.delta" and frame["data"]["offset"] > 40)
    second = await listen(after=first.numbers()[-1])
    await second.read(ended)
    await first.read(ended)
    assert first.texts == second.texts
    [answer] = (await client.get(f"/conversations/{talk.pk}/messages?limit=1")).json()
    assert answer["text"] == first.texts[answer["id"]]


async def test_a_run_is_stopped_within_two_seconds_and_what_was_written_stays(client, talk, listen):
    posted = await client.post(f"/conversations/{talk.pk}/messages", json={"text": "write 500 words"})
    run = posted.json()["runs"][0]["id"]
    socket = await listen()
    await socket.read(lambda frame: frame.get("kind") == "message.delta" and frame["data"]["offset"] > 60)
    start = time.monotonic()
    assert (await client.post(f"/runs/{run}/cancel")).json()["state"] == "cancelled"
    await socket.read(ended)
    assert time.monotonic() - start < 2
    [answer] = (await client.get(f"/conversations/{talk.pk}/messages?limit=1")).json()
    assert answer["state"] == "cut" and len(answer["text"]) > 60
    follow_up = await client.post(f"/conversations/{talk.pk}/messages", json={"text": "write 2 words"})
    await socket.read(ended)
    assert follow_up.json()["runs"][0]["id"] != run
    # The worker let go of it: nothing was written behind the end.
    messages = (await client.get(f"/conversations/{talk.pk}/messages?limit=5")).json()
    assert next(each for each in messages if each["id"] == answer["id"]) == answer


async def test_stop_over_the_socket_ends_what_is_being_written(client, talk, listen):
    socket = await listen()
    await socket.send(type="send", text="write 500 words", id=1)
    await socket.read(lambda frame: frame.get("kind") == "message.delta")
    await socket.send(type="stop", id=2)
    finished = await socket.read(ended)
    assert finished["data"]["run"]["state"] == "cancelled"


async def test_a_conversation_whose_tool_call_was_cut_off_goes_on(client, ada, talk, use):
    async with anthropic.AnthropicUpstream() as upstream:
        await use(upstream, "anthropic")
        upstream.script = [anthropic.reply("let me see", CLOCK), anthropic.reply("never sent")]
        upstream.script[1].delay = 30
        posted = await client.post(f"/conversations/{talk.pk}/messages", json={"text": "what time is it?"})
        run = posted.json()["runs"][0]["id"]
        while len(upstream.requests) < 2:  # The tool has given its result, and the model is asked again.
            await asyncio.sleep(0.02)
        await client.post(f"/runs/{run}/cancel")
        await database_sync_to_async(RunStep.objects.filter(run=run, kind="tool").delete)()
        upstream.script = [anthropic.reply("here again")]
        body = (
            await client.post(f"/agents/{ada.pk}/chat", json={"message": "still there?", "conversation": talk.pk})
        ).json()
        assert body["answer"]["text"] == "here again"
        sent = upstream.requests[-1].body["messages"]
        blocks = [block for turn in sent if isinstance(turn["content"], list) for block in turn["content"]]
        results = [block for block in blocks if block["type"] == "tool_result"]
        assert len(results) == 1 and "interrupted" in json.dumps(results[0])


async def test_an_agent_whose_provider_changes_goes_on(client, ada, talk, use):
    thinking = {"type": "thinking", "thinking": "hm", "signature": "sealed"}
    for kind, upstream_class, replies in [
        ("anthropic", anthropic.AnthropicUpstream, [anthropic.reply(thinking, CLOCK), anthropic.reply("found")]),
        ("openai", openai.OpenAIUpstream, [openai.reply(tool_calls=[("c1", NAME, "{}")]), openai.reply("found")]),
        ("ollama", ollama.OllamaUpstream, [ollama.reply(tool_calls=[(NAME, {})]), ollama.reply("found")]),
        ("anthropic", anthropic.AnthropicUpstream, [anthropic.reply(thinking, CLOCK), anthropic.reply("found")]),
    ]:
        async with upstream_class() as upstream:
            await use(upstream, kind)
            upstream.script = replies
            body = (
                await client.post(f"/agents/{ada.pk}/chat", json={"message": "hello", "conversation": talk.pk})
            ).json()
            assert (body["run"]["state"], body["run"]["reason"]) == ("succeeded", "")


@pytest.mark.parametrize(("status", "seconds"), [(429, 0.2), (500, None)])
async def test_a_busy_provider_is_asked_again(client, ada, use, status, seconds):
    async with openai.OpenAIUpstream() as upstream:
        await use(upstream, "openai")
        upstream.script = [openai.error(status, retry_after=seconds), openai.reply("now")]
        body = (await client.post(f"/agents/{ada.pk}/chat", json={"message": "hello"})).json()
        assert body["answer"]["text"] == "now"
        assert body["run"]["usage"] == {"input": 12, "output": 7, "cache_read": 0, "cache_write": 0, "reasoning": 0}


async def test_a_cut_stream_is_asked_for_again_and_nothing_is_doubled(client, ada, talk, use, listen):
    async with openai.OpenAIUpstream() as upstream:
        await use(upstream, "openai")
        whole = openai.reply("one two three four five six")
        broken = openai.stream(*list(whole.pieces)[:4], ending="cut", interval=0.1)
        upstream.script = [broken, whole]
        socket = await listen()
        await socket.send(type="send", text="count", id=1)
        await socket.read(ended)
        [answer] = (await client.get(f"/conversations/{talk.pk}/messages?limit=1")).json()
        assert answer["text"] == socket.texts[answer["id"]] == "one two three four five six"
