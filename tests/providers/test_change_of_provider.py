"""An agent's provider may be changed in mid-conversation: what one said and called is told to the other in its own
terms."""

from itertools import permutations

import pytest

from agents.providers.base import Reply, ToolResult, ToolSpec, ToolTurn, UserTurn
from agents.providers.turns import ToolNames, with_fresh_ids
from tests.providers.conftest import CLOCK, asking, reply_of
from tests.upstreams import anthropic, ollama, openai

REPLIES = {
    "anthropic": anthropic.reply(
        {"type": "thinking", "thinking": "a clock", "signature": "c2ln"},
        "One moment.",
        {"type": "tool_use", "id": "toolu_1", "name": "clock_now", "input": {"time_zone": "UTC"}},
    ),
    "openai": openai.reply("One moment.", reasoning="a clock", tool_calls=[("a", "clock_now", '{"time_zone": "UTC"}')]),
    "ollama": ollama.reply("One moment.", thinking="a clock", tool_calls=[("clock_now", {"time_zone": "UTC"})]),
}
UPSTREAMS = {
    "anthropic": (anthropic.AnthropicUpstream, anthropic.reply),
    "openai": (openai.OpenAIUpstream, openai.reply),
    "ollama": (ollama.OllamaUpstream, ollama.reply),
}
TOLD = {
    "anthropic": [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "call00001", "name": "clock_now", "input": {"time_zone": "UTC"}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "call00001", "content": "noon", "is_error": False}],
        },
    ],
    "openai": [
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [
                {
                    "id": "call00001",
                    "type": "function",
                    "function": {"name": "clock_now", "arguments": '{"time_zone":"UTC"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call00001", "content": "noon"},
    ],
    "ollama": [
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [{"function": {"name": "clock_now", "arguments": {"time_zone": "UTC"}}}],
        },
        {"role": "tool", "tool_name": "clock_now", "content": "noon"},
    ],
}


@pytest.mark.parametrize(("first", "second"), list(permutations(UPSTREAMS, 2)))
async def test_from_one_to_another(opened, first, second):
    (first_upstream, _), (second_upstream, reply) = UPSTREAMS[first], UPSTREAMS[second]
    async with first_upstream() as before, second_upstream() as after:
        before.script.append(REPLIES[first])
        said = await reply_of(opened(first, before), asking(tools=[CLOCK]))
        results = ToolTurn([ToolResult(said.tool_calls[0].id, "clock.now", "noon")])
        after.script.append(reply("noon"))
        turns = [UserTurn("when?"), said, results]
        assert (await reply_of(opened(second, after), asking(tools=[CLOCK], turns=turns))).text == "noon"
        assert after.requests[0].body["messages"][1:] == TOLD[second]


async def test_the_rehearsal_can_be_followed_by_a_model(opened):
    said = await reply_of(opened("demo"), asking("call clock.now", options={"words_per_second": 0}))
    results = ToolTurn([ToolResult(said.tool_calls[0].id, "clock.now", "noon")])
    async with anthropic.AnthropicUpstream() as upstream:
        upstream.script.append(anthropic.reply("noon"))
        await reply_of(opened("anthropic", upstream), asking(turns=[UserTurn("when?"), said, results]))
        assert upstream.requests[0].body["messages"][1]["content"][1]["name"] == "clock_now"


def called(id: str, **fields) -> list:
    from agents.providers.base import ToolCall

    reply = Reply(text="", tool_calls=[ToolCall(id, "clock.now", {})], **fields)
    return [reply, ToolTurn([ToolResult(id, "clock.now", "noon")])]


def test_ids_that_come_twice_are_told_apart_and_native_ones_stay():
    native = {"native": [{}], "native_format": "anthropic:m"}
    turns = with_fresh_ids([*called("1"), *called("1"), *called("toolu_1", **native)], "anthropic:m")
    calls = [call.id for turn in turns if isinstance(turn, Reply) for call in turn.tool_calls]
    results = [result.id for turn in turns if isinstance(turn, ToolTurn) for result in turn.results]
    assert calls == results == ["call00001", "call00002", "toolu_1"]


def test_tool_names_fit_every_api_and_come_back():
    ours = ["clock.now", "clock_now", "größe.messen", "x" * 100 + ".a", "x" * 100 + ".b"]
    names = ToolNames(ToolSpec(name=name, description="", parameters={}) for name in ours)
    wire = [names.to_wire(name) for name in ours]
    assert len(set(wire)) == len(ours)
    assert all(len(name) <= 64 and name.replace("_", "").isascii() and "." not in name for name in wire)
    assert [names.from_wire(name) for name in wire] == ours
    assert names.from_wire("made_up") == "made_up"
    assert names.to_wire("gone.now") == "gone_now"
