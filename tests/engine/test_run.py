import asyncio
from decimal import Decimal

import msgspec
import pytest

from agents.engine.run import BoundHit, Round
from agents.engine.tools import INTERRUPTED, Tool
from agents.providers.base import ProviderError, Reply, ToolResult, ToolTurn
from tests.engine.conftest import ScriptedProvider, calling


def counting_tool(calls: list[dict], *, name: str = "count", idempotent: bool = False) -> Tool:
    async def run(arguments: dict) -> str:
        calls.append(arguments)
        return f"called {len(calls)} times"

    return Tool(name=name, description="", parameters={"type": "object"}, run=run, idempotent=idempotent)


async def test_a_reply_without_tool_calls_ends_the_run(stage):
    assert await stage.run(ScriptedProvider(Reply(text="good morning"))) == "good morning"
    assert stage.journal.entries == [Reply(text="good morning")]


async def test_all_text_is_published_once_in_order(stage):
    await stage.run(ScriptedProvider(calling("nothing", text="one two"), Reply(text="three four")))
    text = ""
    for delta in stage.published:
        assert delta.offset == len(text)
        text += delta.text
    assert text == stage.stream.text == "one two\n\nthree four"


async def test_a_reply_is_stored_before_its_tools_start_and_a_result_when_it_ends(stage):
    stage.tools = {"count": counting_tool([])}
    await stage.run(ScriptedProvider(calling("count"), Reply(text="done")))
    kinds = [type(entry).__name__ for entry in stage.journal.entries]
    assert kinds == ["Reply", "ToolCall", "ToolResult", "Reply"]


async def test_the_model_is_shown_the_results_in_the_order_of_its_calls(stage):
    async def slow(_: dict) -> str:
        await asyncio.sleep(0.01)
        return "slow"

    stage.tools = {
        "slow": Tool(name="slow", description="", parameters={}, run=slow),
        "count": counting_tool([]),
    }
    provider = ScriptedProvider(calling("slow", "count"), Reply(text="done"))
    await stage.run(provider)
    turn = provider.requests[1].turns[-1]
    assert [result.name for result in turn.results] == ["slow", "count"]


async def test_a_tool_that_does_not_exist_is_answered_with_a_sentence(stage):
    provider = ScriptedProvider(calling("fly"), Reply(text="done"))
    await stage.run(provider)
    result = provider.requests[1].turns[-1].results[0]
    assert result.failed and "no tool named fly" in result.text


async def test_a_tool_that_raises_does_not_end_the_run_nor_shows_its_insides(stage):
    async def break_down(_: dict) -> str:
        raise RuntimeError("secret detail")

    stage.tools = {"break": Tool(name="break", description="", parameters={}, run=break_down)}
    provider = ScriptedProvider(calling("break"), Reply(text="done"))
    assert await stage.run(provider) == "done"
    assert "secret detail" not in provider.requests[1].turns[-1].results[0].text


async def test_a_tool_that_takes_too_long_is_given_up(stage):
    async def wait(_: dict) -> str:
        await asyncio.sleep(60)
        return "never"

    stage.tools = {"wait": Tool(name="wait", description="", parameters={}, run=wait)}
    stage.bounds = msgspec.structs.replace(stage.bounds, seconds_a_tool=0.01)
    provider = ScriptedProvider(calling("wait"), Reply(text="done"))
    await stage.run(provider)
    assert provider.requests[1].turns[-1].results[0].failed


async def test_a_run_goes_on_after_its_last_stored_step(stage):
    calls: list[dict] = []
    stage.tools = {"count": counting_tool(calls)}
    reply = calling("count", text="let me count")
    done = Round(reply, results={"call-0": ToolResult("call-0", "count", "7")}, started={"call-0"})
    provider = ScriptedProvider(Reply(text="seven"))
    assert await stage.run(provider, rounds=[done]) == "let me count\n\nseven"
    assert calls == []
    assert provider.requests[0].turns[1:] == [reply, ToolTurn([ToolResult("call-0", "count", "7")])]


async def test_a_started_call_without_result_is_not_made_again(stage):
    calls: list[dict] = []
    stage.tools = {"count": counting_tool(calls)}
    provider = ScriptedProvider(Reply(text="done"))
    await stage.run(provider, rounds=[Round(calling("count"), started={"call-0"})])
    assert calls == []
    assert provider.requests[0].turns[-1].results[0].text == INTERRUPTED


async def test_a_started_call_of_an_idempotent_tool_is_made_again(stage):
    calls: list[dict] = []
    stage.tools = {"count": counting_tool(calls, idempotent=True)}
    await stage.run(ScriptedProvider(Reply(text="done")), rounds=[Round(calling("count"), started={"call-0"})])
    assert len(calls) == 1


async def test_a_broken_stream_is_asked_for_again_and_its_text_taken_back(stage):
    provider = ScriptedProvider(("half an ans", ProviderError("cut", retry_after=0)), Reply(text="a whole answer"))
    assert await stage.run(provider) == "a whole answer"
    assert stage.published[-1].attempt > stage.stream.fence - 2


async def test_a_refusal_without_a_word_ends_the_run_with_a_sentence(stage):
    with pytest.raises(ProviderError, match="declined"):
        await stage.run(ScriptedProvider(Reply(text="", stop_reason="refusal")))
    assert len(stage.journal.entries) == 1


async def test_a_stream_that_keeps_breaking_ends_the_run(stage):
    broken = ("half", ProviderError("The line was cut.", retry_after=0))
    with pytest.raises(ProviderError, match="The line was cut"):
        await stage.run(ScriptedProvider(broken, broken, broken))
    assert stage.stream.text == "half"


async def test_an_error_that_waiting_cannot_mend_ends_the_run_at_once(stage):
    provider = ScriptedProvider(("", ProviderError("The key is wrong.")))
    with pytest.raises(ProviderError, match="The key is wrong"):
        await stage.run(provider)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("bounds", "named"),
    [({"model_calls": 2}, "2 model calls"), ({"tool_calls": 1}, "1 tool calls"), ({"tokens": 30}, "30 tokens")],
)
async def test_a_bound_that_is_hit_is_named(stage, bounds, named):
    stage.bounds = msgspec.structs.replace(stage.bounds, **bounds)
    stage.tools = {"count": counting_tool([])}
    with pytest.raises(BoundHit, match=named):
        await stage.run(ScriptedProvider(*[calling("count") for _ in range(5)]))


async def test_the_bound_of_money_is_checked_before_each_further_call(stage):
    stage.bounds = msgspec.structs.replace(stage.bounds, money=1.0)
    stage.price = Decimal("0.6")
    stage.tools = {"count": counting_tool([])}
    provider = ScriptedProvider(*[calling("count") for _ in range(5)])
    with pytest.raises(BoundHit, match="US dollars"):
        await stage.run(provider)
    assert len(provider.requests) == 2


async def test_calls_past_the_bound_of_tools_are_not_made(stage):
    calls: list[dict] = []
    stage.tools = {"count": counting_tool(calls)}
    stage.bounds = msgspec.structs.replace(stage.bounds, tool_calls=2)
    with pytest.raises(BoundHit):
        await stage.run(ScriptedProvider(calling("count", "count", "count")))
    assert calls == []


async def test_a_run_that_takes_too_long_is_ended(stage):
    class Silent(ScriptedProvider):
        async def stream(self, request):
            await asyncio.sleep(60)
            yield Reply(text="late")

    stage.bounds = msgspec.structs.replace(stage.bounds, seconds=0.02)
    with pytest.raises(BoundHit, match="seconds"):
        await stage.run(Silent())
