import msgspec
import pytest

from agents.providers.base import ProviderError, ToolResult, ToolTurn, Usage, UserTurn
from tests.providers.conftest import CALENDAR, CLOCK, KEY, QUICK, asking, reply_of
from tests.upstreams.ollama import OllamaUpstream, error, line, reply, stream


@pytest.fixture
async def upstream():
    async with OllamaUpstream() as server:
        yield server


async def test_a_reply_is_streamed_with_its_usage(upstream, opened):
    upstream.script.append(reply("good morning to you", thinking="let me see"))
    options = {"num_ctx": 8192, "keep_alive": "10m", "think": True}
    answer = await reply_of(
        opened("ollama", upstream, api_key=""), asking(system="Be kind.", temperature=0.5, options=options)
    )
    assert (answer.text, answer.reasoning, answer.stop_reason) == ("good morning to you", "let me see", "end")
    assert answer.usage == Usage(input=12, output=7)
    assert "Authorization" not in upstream.requests[0].headers
    assert upstream.requests[0].body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello"}],
        "stream": True,
        "options": {"num_ctx": 8192, "num_predict": 4096, "temperature": 0.5},
        "keep_alive": "10m",
        "think": True,
    }


async def test_a_key_is_sent_where_there_is_one(upstream, opened):
    upstream.script.append(reply("yes"))
    await reply_of(opened("ollama", upstream))
    assert upstream.requests[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_calls_get_ids_of_their_own_and_thoughts_go_back_with_them(upstream, opened):
    calls = [("clock_now", {"time_zone": "UTC"}), ("calendar_read", {})]
    upstream.script += [reply(thinking="a clock", tool_calls=calls), reply(tool_calls=calls[:1]), reply("noon")]
    provider = opened("ollama", upstream)
    tools = [CLOCK, CALENDAR]
    first = await reply_of(provider, asking(tools=tools))
    assert first.stop_reason == "tool_calls"
    assert [(made.name, made.arguments) for made in first.tool_calls] == [
        ("clock.now", {"time_zone": "UTC"}),
        ("calendar.read", {}),
    ]
    results = ToolTurn([ToolResult(made.id, made.name, "noon") for made in first.tool_calls])
    second = await reply_of(provider, asking(tools=tools, turns=[UserTurn("when?"), first, results]))
    assert len({made.id for made in first.tool_calls + second.tool_calls}) == 3
    assert upstream.requests[1].body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "thinking": "a clock",
            "tool_calls": [{"function": {"name": name, "arguments": arguments}} for name, arguments in calls],
        },
        {"role": "tool", "tool_name": "clock_now", "content": "noon"},
        {"role": "tool", "tool_name": "calendar_read", "content": "noon"},
    ]


async def test_a_model_without_tools_is_asked_without_them(upstream, opened):
    refusal = "registry.ollama.ai/library/m:latest does not support tools"
    upstream.script += [error(400, refusal), reply("hello"), reply("hello again")]
    provider = opened("ollama", upstream)
    for _ in range(2):
        await reply_of(provider, asking(tools=[CLOCK]))
    assert ["tools" in sent.body for sent in upstream.requests] == [True, False, False]


async def test_the_limit_is_a_stop_reason(upstream, opened):
    upstream.script.append(reply("well", done_reason="length"))
    assert (await reply_of(opened("ollama", upstream))).stop_reason == "length"


async def test_an_error_in_the_middle_of_the_stream(upstream, opened):
    upstream.script.append(stream(line(content="hello"), b'{"error": "The runner died."}\n'))
    with pytest.raises(ProviderError, match=r"^ollama broke off its answer: The runner died\.$") as caught:
        await reply_of(opened("ollama", upstream))
    assert caught.value.retry_after is not None


async def test_a_model_may_load_longer_than_a_stream_may_stall(upstream, opened):
    answer = reply("hello")
    answer.delay = 2 * QUICK.stall
    upstream.script.append(answer)
    patience = msgspec.structs.replace(QUICK, first_byte=5)
    assert (await reply_of(opened("ollama", upstream, patience=patience))).text == "hello"
