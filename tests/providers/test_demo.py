import asyncio

import pytest

from agents.providers.base import ProviderError, ToolResult, ToolTurn, UserTurn
from tests.providers.conftest import asking, reply_of


@pytest.fixture
def demo(opened):
    return opened("demo", api_key="")


def quick(text: str = "hello", **fields):
    return asking(text, options={"words_per_second": 0}, **fields)


async def test_it_says_in_every_reply_that_it_is_a_rehearsal(demo):
    results = ToolTurn([ToolResult("call-1", "clock.now", "noon"), ToolResult("call-2", "clock.now", "no zone", True)])
    for request in [
        quick("hello"),
        quick("write 40 words"),
        quick("call clock.now"),
        quick(turns=[UserTurn("call clock.now"), results]),
    ]:
        assert (await reply_of(demo, request)).text.startswith("This is a rehearsal: no model was asked.")


async def test_the_same_question_has_the_same_answer(demo):
    assert await reply_of(demo, quick("good morning")) == await reply_of(demo, quick("good morning"))
    assert "You said: good morning" in (await reply_of(demo, quick("good morning"))).text


async def test_it_calls_the_tools_that_it_is_told_to(demo):
    text = 'alice: call clock.now {"time_zone": "Europe/Paris"}\ncall calendar.read'
    answer = await reply_of(demo, quick(text))
    assert [(made.name, made.arguments) for made in answer.tool_calls] == [
        ("clock.now", {"time_zone": "Europe/Paris"}),
        ("calendar.read", {}),
    ]
    assert answer.stop_reason == "tool_calls"


async def test_arguments_that_are_no_json_are_the_calls_error(demo):
    assert (await reply_of(demo, quick("call clock.now {zone}"))).tool_calls[0].error


async def test_it_tells_what_the_tools_gave(demo):
    results = ToolTurn([ToolResult("call-1", "clock.now", "noon"), ToolResult("call-2", "clock.now", "no zone", True)])
    answer = await reply_of(demo, quick(turns=[UserTurn("call clock.now"), results]))
    assert "clock.now gave: noon" in answer.text and "clock.now failed: no zone" in answer.text
    assert not answer.tool_calls


@pytest.mark.parametrize("text", ["fail", "alice: fail", "@demo fail."])
async def test_it_fails_when_told_to(demo, text):
    with pytest.raises(ProviderError, match=r"^demo failed, as it was told to\.$"):
        await reply_of(demo, quick(text))


async def test_talk_about_failing_is_no_order(demo):
    assert "You said" in (await reply_of(demo, quick("why did it fail yesterday"))).text


async def test_it_writes_as_many_words_as_it_is_told_to(demo):
    answer = await reply_of(demo, quick("please write 200 words about the sea"))
    assert len(answer.text.split()) == answer.usage.output == 200


async def test_the_output_limit_cuts_it(demo):
    answer = await reply_of(demo, quick("write 200 words", max_output_tokens=50))
    assert len(answer.text.split()) == 50 and answer.stop_reason == "length"


async def test_its_pace_can_be_set(demo):
    start = asyncio.get_running_loop().time()
    await reply_of(demo, asking("write 20 words", options={"words_per_second": 100}))
    assert 0.2 <= asyncio.get_running_loop().time() - start < 2


async def test_a_pace_that_is_none_is_named(demo):
    with pytest.raises(ProviderError, match="words_per_second of 'fast'; it must be a number"):
        await reply_of(demo, asking(options={"words_per_second": "fast"}))


async def test_it_has_one_model(demo):
    assert await demo.list_models() == ["demo"]
