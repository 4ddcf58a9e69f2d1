import pytest

from agents.providers.base import ProviderError, Reply, ToolResult, ToolTurn, Usage, UserTurn
from tests.providers.conftest import CALENDAR, CLOCK, KEY, asking, reply_of
from tests.upstreams.anthropic import AnthropicUpstream, error, event, reply, start, stream

THOUGHT = {"type": "thinking", "thinking": "let me see", "signature": "c2lnbmF0dXJl"}
HIDDEN = {"type": "redacted_thinking", "data": "b3BhcXVl"}


def call(id: str = "toolu_1", name: str = "clock_now", input: object = None) -> dict:
    return {"type": "tool_use", "id": id, "name": name, "input": {} if input is None else input}


@pytest.fixture
async def upstream():
    async with AnthropicUpstream() as server:
        yield server


async def test_a_reply_is_streamed_with_its_usage(upstream, opened):
    upstream.script.append(reply("good morning to you"))
    answer = await reply_of(opened("anthropic", upstream), asking(system="Be kind.", temperature=0.5))
    assert answer.text == "good morning to you" and answer.stop_reason == "end"
    assert answer.usage == Usage(input=130, output=7, cache_read=100, cache_write=20)
    sent = upstream.requests[0]
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert sent.body == {
        "model": "m",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "hello"}],
        "system": "Be kind.",
        "temperature": 0.5,
        "stream": True,
    }


async def test_options_are_fields_of_the_request_but_never_replace_ours(upstream, opened):
    upstream.script.append(reply("yes"))
    thinking = {"type": "adaptive"}
    options = {"thinking": thinking, "model": "another", "stream": False, "messages": []}
    await reply_of(opened("anthropic", upstream), asking(options=options))
    body = upstream.requests[0].body
    assert body["thinking"] == thinking
    assert body["model"] == "m" and body["stream"] is True and len(body["messages"]) == 1


async def test_thinking_and_parallel_calls_go_back_unchanged_to_the_same_model(upstream, opened):
    blocks = [
        THOUGHT,
        HIDDEN,
        {"type": "text", "text": "two moments"},
        call("toolu_1", "clock_now", {"time_zone": "Europe/Paris"}),
        call("toolu_2", "calendar_read"),
    ]
    upstream.script += [reply(*blocks), reply("done")]
    provider = opened("anthropic", upstream)
    tools = [CLOCK, CALENDAR]
    first = await reply_of(provider, asking(tools=tools))
    assert first.reasoning == "let me see" and first.stop_reason == "tool_calls"
    assert [(made.id, made.name, made.arguments) for made in first.tool_calls] == [
        ("toolu_1", "clock.now", {"time_zone": "Europe/Paris"}),
        ("toolu_2", "calendar.read", {}),
    ]
    results = ToolTurn([ToolResult("toolu_1", "clock.now", "noon"), ToolResult("toolu_2", "calendar.read", "?", True)])
    await reply_of(provider, asking(tools=tools, turns=[UserTurn("when?"), first, results]))
    assert [tool["name"] for tool in upstream.requests[0].body["tools"]] == ["clock_now", "calendar_read"]
    assert upstream.requests[1].body["messages"][1:] == [
        {"role": "assistant", "content": blocks},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon", "is_error": False},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "?", "is_error": True},
            ],
        },
    ]


async def test_another_model_is_not_shown_the_signatures(upstream, opened):
    upstream.script += [reply(THOUGHT, "good morning"), reply("done")]
    provider = opened("anthropic", upstream)
    first = await reply_of(provider)
    await reply_of(provider, asking(model="another", turns=[UserTurn("hello"), first, UserTurn("and?")]))
    said = upstream.requests[1].body["messages"][1]["content"]
    assert said == [{"type": "text", "text": "good morning"}]


async def test_a_reply_cut_while_thinking_does_not_go_back_as_thinking(upstream, opened):
    upstream.script += [reply(THOUGHT, stop_reason="max_tokens"), reply("done")]
    provider = opened("anthropic", upstream)
    first = await reply_of(provider)
    assert first.stop_reason == "length" and first.native is None
    await reply_of(provider, asking(turns=[UserTurn("hello"), first, UserTurn("and?")]))
    assert [message["role"] for message in upstream.requests[1].body["messages"]] == ["user", "user"]


@pytest.mark.parametrize("written", ['{"time_zone": "Eur', "[1, 2]", "nonsense"])
async def test_arguments_that_are_no_json_object_are_told_to_the_model(upstream, opened, written):
    upstream.script += [reply(call(input=written)), reply("done")]
    provider = opened("anthropic", upstream)
    first = await reply_of(provider, asking(tools=[CLOCK]))
    made = first.tool_calls[0]
    assert made.arguments == {} and "clock.now were not a valid JSON object" in made.error
    turns = [UserTurn("when?"), first, ToolTurn([ToolResult(made.id, made.name, made.error, True)])]
    await reply_of(provider, asking(tools=[CLOCK], turns=turns))
    assert upstream.requests[1].body["messages"][1]["content"][0]["input"] == {}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "end"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "pause_turn"),
    ],
)
async def test_stop_reasons(upstream, opened, theirs, ours):
    upstream.script.append(reply("well", stop_reason=theirs))
    assert (await reply_of(opened("anthropic", upstream))).stop_reason == ours


@pytest.mark.parametrize(("type", "retry_after"), [("overloaded_error", 1.0), ("invalid_request_error", None)])
async def test_an_error_in_the_middle_of_the_stream(upstream, opened, type, retry_after):
    broken = event("error", error={"type": type, "message": "It is too much."})
    upstream.script.append(stream(start(), broken))
    with pytest.raises(ProviderError, match="anthropic broke off its answer: It is too much") as caught:
        await reply_of(opened("anthropic", upstream))
    assert caught.value.retry_after == retry_after


async def test_what_says_nothing_is_not_sent_since_empty_text_is_refused(upstream, opened):
    upstream.script.append(reply("yes"))
    turns = [UserTurn("hello"), Reply(text=" "), UserTurn("are you there?")]
    await reply_of(opened("anthropic", upstream), asking(turns=turns))
    assert [message["content"] for message in upstream.requests[0].body["messages"]] == ["hello", "are you there?"]


async def test_secrets_of_the_environment_stay_here(upstream, opened, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "server-secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Gateway: server-secret")
    upstream.script.append(reply("yes"))
    await reply_of(opened("anthropic", upstream, api_key=""))
    assert "server-secret" not in str(dict(upstream.requests[0].headers))


async def test_an_unknown_model_is_named(upstream, opened):
    upstream.script.append(error(404, "not_found_error", "model: m"))
    with pytest.raises(ProviderError, match=r"anthropic does not know the model m, .* \(404\): model: m\.$"):
        await reply_of(opened("anthropic", upstream))
