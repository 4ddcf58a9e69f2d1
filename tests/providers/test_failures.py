"""What can go wrong on the way, alike for all providers of the network."""

import asyncio
import socket
import time

import msgspec
import pytest

from agents.providers.base import ProviderError
from tests.providers.conftest import KEY, QUICK, asking, reply_of
from tests.upstreams import anthropic, ollama, openai
from tests.upstreams.server import Answer

PROTOCOLS = {
    "anthropic": (anthropic, anthropic.AnthropicUpstream, anthropic.start()),
    "openai": (openai, openai.OpenAIUpstream, openai.chunk(content="half")),
    "ollama": (ollama, ollama.OllamaUpstream, ollama.line(content="half")),
}


@pytest.fixture(params=list(PROTOCOLS))
async def place(request):
    """A kind, its protocol's module, a server of it, and the beginning of a reply."""
    module, upstream_class, beginning = PROTOCOLS[request.param]
    async with upstream_class() as upstream:
        yield request.param, module, upstream, beginning


async def failure(provider) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await reply_of(provider)
    return caught.value


async def test_a_rate_limit_is_waited_for_as_long_as_it_asks(place, opened):
    kind, module, upstream, _ = place
    upstream.script += [module.error(429, retry_after=0.3), module.reply("hello")]
    assert (await reply_of(opened(kind, upstream))).text == "hello"
    first, second = upstream.requests
    assert 0.3 <= second.at - first.at < 3


@pytest.mark.parametrize("status", [429, 500, 503, 529])
async def test_it_is_asked_again_a_bounded_number_of_times(place, opened, status):
    kind, module, upstream, _ = place
    upstream.script += [module.error(status, message="Not now.", retry_after=0.01) for _ in range(9)]
    error = await failure(opened(kind, upstream))
    assert len(upstream.requests) == 1 + QUICK.retries
    assert error.message.startswith(kind) and f"{status}, asked 3 times" in error.message
    assert error.retry_after is None, "it was retried already"


async def test_a_wait_that_is_too_long_is_told_at_once(place, opened):
    kind, module, upstream, _ = place
    upstream.script += [module.error(429, retry_after=3600)]
    start = time.monotonic()
    error = await failure(opened(kind, upstream))
    assert "asks to wait 3600 seconds" in error.message
    assert len(upstream.requests) == 1 and time.monotonic() - start < 5


async def test_a_date_is_understood_as_well(place, opened):
    kind, module, upstream, _ = place
    answer = module.error(429)
    answer.headers = {"Retry-After": "Fri, 31 Dec 2125 23:59:59 GMT"}
    upstream.script.append(answer)
    assert "asks to wait" in (await failure(opened(kind, upstream))).message


@pytest.mark.parametrize(
    ("status", "words", "sentence"),
    [
        (400, "prompt is too long: 210000 tokens > 200000", "The conversation is too long for m at {kind}"),
        (400, "This model's maximum context length is 8192 tokens", "The conversation is too long for m at {kind}"),
        (413, "Request too large", "The conversation is too long for m at {kind}"),
        (400, "temperature: must be at most 1", "{kind} refused the request (400): temperature: must be at most 1."),
        (
            401,
            f"Incorrect API key provided: {KEY}",
            "{kind} refused its API key (401); give this provider a valid one.",
        ),
        (402, "Pay first", "{kind} has no credit left for its key (402): Pay first."),
        (403, "Not from here", "{kind} does not allow its key to do this (403): Not from here."),
        (404, "no such model", "{kind} does not know the model m, or its base URL is wrong (404): no such model."),
        (418, f"Bearer {KEY} is short and stout", "{kind} refused the request (418): … is short and stout."),
        (301, "Moved", "{kind} answered with a redirect (301), which is not followed; correct its base URL."),
    ],
)
async def test_a_refusal_is_one_clear_sentence_without_the_key(place, opened, status, words, sentence):
    kind, module, upstream, _ = place
    answer = module.error(status, message=words)
    answer.headers = {"Location": upstream.base_url + upstream.models_path} if status == 301 else {}
    upstream.script.append(answer)
    error = await failure(opened(kind, upstream))
    assert error.message.startswith(sentence.format(kind=kind))
    assert KEY not in error.message and error.retry_after is None
    assert len(upstream.requests) == 1


async def test_a_long_error_is_cut(place, opened):
    kind, module, upstream, _ = place
    upstream.script.append(module.error(400, message="well\n" * 1000))
    message = (await failure(opened(kind, upstream))).message
    assert len(message) < 400 and "\n" not in message


async def test_a_page_of_html_is_not_repeated(place, opened):
    kind, _, upstream, _ = place
    upstream.script.append(Answer([b"<html><h1>Bad gateway</h1></html>"], status=418, content_type="text/html"))
    assert (await failure(opened(kind, upstream))).message == f"{kind} refused the request (418)."


@pytest.mark.parametrize("ending", ["cut", "end"])
async def test_a_stream_that_breaks_may_be_asked_for_again(place, opened, ending):
    kind, module, upstream, beginning = place
    upstream.script.append(module.stream(beginning, ending=ending))
    error = await failure(opened(kind, upstream))
    assert (error.message, error.retry_after) == (f"The answer of {kind} ended in the middle.", 0)
    assert len(upstream.requests) == 1


async def test_an_answer_without_an_end_is_ended(place, opened, monkeypatch):
    kind, module, upstream, beginning = place
    monkeypatch.setattr("agents.providers.http.LONGEST_ANSWER", 5_000)
    upstream.script.append(module.stream(*[beginning] * 1000))
    with pytest.raises(ProviderError, match=r"sent more than 5000 bytes|ended in the middle"):
        await reply_of(opened(kind, upstream))


async def test_an_unreadable_event_breaks_the_stream(place, opened):
    kind, module, upstream, beginning = place
    upstream.script.append(module.stream(beginning, b'data: {"cho\n\n'))
    assert (await failure(opened(kind, upstream))).retry_after == 0


async def test_a_stalled_stream_is_given_up(place, opened):
    kind, module, upstream, beginning = place
    upstream.script.append(module.stream(beginning, ending="silence"))
    start = time.monotonic()
    error = await failure(opened(kind, upstream))
    assert (error.message, error.retry_after) == (f"{kind} sent nothing for 0.2 seconds.", 0)
    assert QUICK.stall <= time.monotonic() - start < 5
    async with asyncio.timeout(2):
        while upstream.left == 0:
            await asyncio.sleep(0.01)


async def test_silence_before_the_first_byte(place, opened):
    kind, module, upstream, _ = place
    answer = module.reply("too late")
    answer.delay = 60
    upstream.script.append(answer)
    patience = msgspec.structs.replace(QUICK, retries=0)
    assert (await failure(opened(kind, upstream, patience=patience))).message == f"{kind} did not answer in time."


async def test_who_stops_listening_closes_the_connection(place, opened):
    kind, module, upstream, beginning = place
    upstream.script.append(module.stream(beginning, ending="silence"))
    patience = msgspec.structs.replace(QUICK, stall=60)
    task = asyncio.create_task(reply_of(opened(kind, upstream, patience=patience)))
    async with asyncio.timeout(2):
        while not upstream.requests:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        while upstream.left == 0:
            await asyncio.sleep(0.01)


async def test_models_are_listed(place, opened):
    kind, _, upstream, _ = place
    assert await opened(kind, upstream).list_models() == upstream.models


@pytest.mark.parametrize("given", ["<html>", "{}", "[]", "", '{"data": [{}], "models": [{}]}'])
async def test_a_list_of_models_that_is_none(place, opened, given):
    kind, _, upstream, _ = place
    upstream.models_answer = Answer([given.encode()])
    with pytest.raises(ProviderError, match=f"^{kind} did not answer with a list of models; check its base URL.$"):
        await opened(kind, upstream).list_models()


async def test_a_wrong_key_is_told_by_the_list_of_models(place, opened):
    kind, module, upstream, _ = place
    upstream.models_answer = module.error(401)
    with pytest.raises(ProviderError, match="refused its API key"):
        await opened(kind, upstream).list_models()


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize("kind", list(PROTOCOLS))
async def test_a_place_where_nothing_answers(opened, kind):
    patience = msgspec.structs.replace(QUICK, retries=0)
    provider = opened(kind, base_url=f"http://127.0.0.1:{closed_port()}", patience=patience)
    message = f"{kind} cannot be reached: nothing answers at its base URL; is it running?"
    assert (await failure(provider)).message == message
    with pytest.raises(ProviderError, match="is it running"):
        await provider.list_models()


@pytest.mark.parametrize("kind", list(PROTOCOLS))
async def test_a_host_that_is_not_known(opened, names, kind):
    patience = msgspec.structs.replace(QUICK, retries=0)
    provider = opened(kind, base_url="http://models.example.com", patience=patience)
    message = f"{kind} cannot be reached: the host name of its base URL is not known."
    assert (await failure(provider)).message == message


@pytest.mark.parametrize("kind", list(PROTOCOLS))
async def test_a_failed_connection_is_tried_again(opened, kind):
    port = closed_port()
    provider = opened(kind, base_url=f"http://127.0.0.1:{port}" + PROTOCOLS[kind][1].base_path)
    asked = asyncio.create_task(reply_of(provider, asking()))
    await asyncio.sleep(0.1)
    upstream = PROTOCOLS[kind][1](always=lambda: PROTOCOLS[kind][0].reply("here I am"))
    await upstream.start(port)
    try:
        assert (await asked).text == "here I am"
    finally:
        await upstream.stop()


@pytest.mark.parametrize("kind", list(PROTOCOLS))
async def test_no_repr_shows_the_key(opened, kind):
    provider = opened(kind)
    assert KEY not in repr(provider) + repr(provider.account) + str(provider.account)
