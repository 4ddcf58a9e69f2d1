import orjson
import pytest

from agents.providers.base import ProviderError, ToolResult, ToolTurn, Usage, UserTurn
from agents.providers.turns import ToolNames
from tests.providers.conftest import CALENDAR, CLOCK, KEY, asking, reply_of
from tests.upstreams.openai import DONE, OpenAIUpstream, chunk, reply, stream


@pytest.fixture
async def upstream():
    async with OpenAIUpstream() as server:
        yield server


async def test_a_reply_is_streamed_with_its_usage(upstream, opened):
    usage = {
        "prompt_tokens": 130,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    upstream.script.append(reply("good morning to you", reasoning="let me see", usage=usage))
    answer = await reply_of(opened("openai", upstream), asking(system="Be kind.", temperature=0.5))
    assert (answer.text, answer.reasoning, answer.stop_reason) == ("good morning to you", "let me see", "end")
    assert answer.usage == Usage(input=130, output=9, cache_read=100, reasoning=4)
    sent = upstream.requests[0]
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert sent.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello"}],
        "max_tokens": 4096,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_parallel_calls_are_put_together_by_their_index(upstream, opened):
    calls = [("call_a", "clock_now", '{"time_zone": "Europe/Paris"}'), ("call_b", "calendar_read", "{}")]
    upstream.script += [reply(tool_calls=calls), reply("noon")]
    provider = opened("openai", upstream)
    tools = [CLOCK, CALENDAR]
    first = await reply_of(provider, asking(tools=tools))
    assert first.stop_reason == "tool_calls"
    assert [(made.id, made.name, made.arguments) for made in first.tool_calls] == [
        ("call_a", "clock.now", {"time_zone": "Europe/Paris"}),
        ("call_b", "calendar.read", {}),
    ]
    results = ToolTurn([ToolResult("call_a", "clock.now", "noon"), ToolResult("call_b", "calendar.read", "no", True)])
    await reply_of(provider, asking(tools=tools, turns=[UserTurn("when?"), first, results]))
    _, said, noon, failed = upstream.requests[1].body["messages"]
    assert [made["function"]["name"] for made in said["tool_calls"]] == ["clock_now", "calendar_read"]
    ids = [made["id"] for made in said["tool_calls"]]
    assert [noon, failed] == [
        {"role": "tool", "tool_call_id": ids[0], "content": "noon"},
        {"role": "tool", "tool_call_id": ids[1], "content": "Error: no"},
    ]


async def test_calls_without_an_index_are_told_apart_by_their_id(upstream, opened):
    pieces = [
        chunk(tool_calls=[{"id": id, "function": {"name": "clock_now", "arguments": arguments}}])
        for id, arguments in [("a", '{"time_zone":'), (None, '"UTC"}'), ("b", "{}")]
    ]
    upstream.script.append(stream(*pieces, chunk(finish_reason="stop"), DONE))
    answer = await reply_of(opened("openai", upstream), asking(tools=[CLOCK]))
    assert [made.arguments for made in answer.tool_calls] == [{"time_zone": "UTC"}, {}]
    assert answer.stop_reason == "tool_calls"


async def test_reasoning_and_signatures_go_back_with_the_calls_they_led_to(upstream, opened):
    signature = {"google": {"thought_signature": "c2ln"}}
    called = {"index": 0, "id": "a", "function": {"name": "clock_now", "arguments": "{}"}, "extra_content": signature}
    pieces = [chunk(reasoning_content="I need a clock"), chunk(tool_calls=[called])]
    upstream.script += [stream(*pieces, chunk(finish_reason="tool_calls"), DONE), reply("noon")]
    provider = opened("openai", upstream)
    first = await reply_of(provider, asking(tools=[CLOCK]))
    turns = [UserTurn("when?"), first, ToolTurn([ToolResult("a", "clock.now", "noon")])]
    await reply_of(provider, asking(tools=[CLOCK], turns=turns))
    said = upstream.requests[1].body["messages"][1]
    assert said["reasoning_content"] == "I need a clock"
    assert said["tool_calls"][0]["id"] == "a" and said["tool_calls"][0]["extra_content"] == signature


async def test_a_refusal_is_text_with_its_own_stop_reason(upstream, opened):
    upstream.script.append(stream(chunk(refusal="I cannot help."), chunk(finish_reason="stop"), DONE))
    answer = await reply_of(opened("openai", upstream))
    assert (answer.text, answer.stop_reason) == ("I cannot help.", "refusal")


@pytest.mark.parametrize(
    ("theirs", "ours"), [("stop", "end"), ("length", "length"), ("content_filter", "refusal"), ("odd", "odd")]
)
async def test_stop_reasons(upstream, opened, theirs, ours):
    upstream.script.append(reply("well", finish_reason=theirs))
    assert (await reply_of(opened("openai", upstream))).stop_reason == ours


async def test_an_endpoint_that_sends_no_usage_nulls_and_keep_alives(upstream, opened):
    nothing = b'data: {"id":"x","choices":[{"index":0,"delta":null,"finish_reason":null}],"usage":null}\n\n'
    nulls = chunk(content=None, tool_calls=None, reasoning_content=None, refusal=None)
    windows = b'data: {"choices":[{"delta":{"content":" there"}}]}\r\n\r\n'
    pieces = [b": keep-alive\n\n", nothing, nulls, chunk(content="hello"), windows, chunk(finish_reason="stop")]
    upstream.script.append(stream(*pieces, DONE))
    answer = await reply_of(opened("openai", upstream))
    assert (answer.text, answer.usage) == ("hello there", Usage())


@pytest.mark.parametrize("ending", ["end", "cut", "silence"])
async def test_a_missing_done_is_no_fault_once_the_finish_reason_came(upstream, opened, ending):
    upstream.script.append(stream(chunk(content="hello"), chunk(finish_reason="stop"), ending=ending))
    assert (await reply_of(opened("openai", upstream))).text == "hello"


async def test_events_split_anywhere_are_put_together(upstream, opened):
    whole = chunk(content="grüße ✓") + chunk(finish_reason="stop") + DONE
    upstream.script.append(stream(*[whole[at : at + 1] for at in range(len(whole))]))
    assert (await reply_of(opened("openai", upstream))).text == "grüße ✓"


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [({"message": "No more.", "code": 502}, 1.0), ({"message": "No more.", "code": 400}, None), ("No more.", 1.0)],
)
async def test_an_error_in_the_middle_of_the_stream(upstream, opened, error, retry_after):
    event = b"data: " + orjson.dumps({"error": error}) + b"\n\n"
    upstream.script.append(stream(chunk(content="hello"), event))
    with pytest.raises(ProviderError, match=r"^openai broke off its answer: No more\.$") as caught:
        await reply_of(opened("openai", upstream))
    assert caught.value.retry_after == retry_after


@pytest.mark.parametrize("given", ["<html>welcome</html>", '{"choices": []}', ""])
async def test_what_is_no_stream_is_named_as_such(upstream, opened, given):
    upstream.script.append(stream(given.encode()))
    with pytest.raises(ProviderError, match="did not answer with a stream of events; check its base URL") as caught:
        await reply_of(opened("openai", upstream))
    assert caught.value.retry_after is None


async def test_secrets_of_the_environment_stay_here(upstream, opened, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "server-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: server-secret")
    upstream.script.append(reply("yes"))
    await reply_of(opened("openai", upstream, api_key=""))
    assert "server-secret" not in str(dict(upstream.requests[0].headers))


async def test_the_field_for_the_limit_is_the_one_that_the_host_knows(opened):
    for base_url, field in [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://here.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("https://notopenai.com/v1", "max_tokens"),
    ]:
        assert field in opened("openai", base_url=base_url).request_fields(asking(), ToolNames([]))
