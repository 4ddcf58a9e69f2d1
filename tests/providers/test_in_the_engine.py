"""The run loop on real providers: what breaks is asked for again, tools are called, thoughts go back."""

import pytest

from agents.engine.flusher import Flusher
from agents.engine.run import Work, open_stream, perform
from agents.engine.settings import AgentSettings
from agents.engine.tools import Tool
from agents.providers.base import ModelRequest, UserTurn
from tests.engine.conftest import ListJournal
from tests.providers.conftest import CLOCK
from tests.upstreams import anthropic, ollama, openai

PROTOCOLS = {
    "anthropic": (
        anthropic.AnthropicUpstream,
        anthropic.stream(anthropic.start(), ending="cut"),
        anthropic.reply("One moment.", {"type": "tool_use", "id": "toolu_1", "name": "clock_now", "input": {}}),
        anthropic.reply("It is noon."),
    ),
    "openai": (
        openai.OpenAIUpstream,
        openai.stream(openai.chunk(content="One mom"), ending="cut"),
        openai.reply("One moment.", tool_calls=[("a", "clock_now", "{}")]),
        openai.reply("It is noon."),
    ),
    "ollama": (
        ollama.OllamaUpstream,
        ollama.stream(ollama.line(content="One mom"), ending="cut"),
        ollama.reply("One moment.", tool_calls=[("clock_now", {})]),
        ollama.reply("It is noon."),
    ),
}


async def noon(arguments: dict) -> str:
    return "noon"


async def run(provider, text: str = "when?", **options) -> tuple[str, ListJournal]:
    async def publish(deltas: list) -> set[int]:
        return set()

    request = ModelRequest(model="m", turns=[UserTurn(text)], tools=[CLOCK], options=options)
    bounds = AgentSettings().bounds
    tool = Tool(name="clock.now", description="", parameters=CLOCK.parameters, run=noon)
    work = Work(
        *(1, 1, ("runs/1",), 1),
        request=request,
        bounds=bounds,
        rounds=[],
        price=lambda usage: None,
        tools={tool.name: tool},
    )
    stream, journal = open_stream(work), ListJournal()
    await perform(work, provider=provider, journal=journal, flusher=Flusher(publish), stream=stream)
    return stream.text, journal


@pytest.mark.parametrize("kind", list(PROTOCOLS))
async def test_a_run_with_a_broken_stream_and_a_tool(opened, kind):
    upstream_class, *script = PROTOCOLS[kind]
    async with upstream_class() as upstream:
        upstream.script += script
        text, journal = await run(opened(kind, upstream))
        assert text == "One moment.\n\nIt is noon."
        assert [entry.text for entry in journal.entries if hasattr(entry, "text")] == [
            "One moment.",
            "noon",
            "It is noon.",
        ]
        assert len(upstream.requests) == 3


async def test_a_rehearsal_with_a_tool(opened):
    text, journal = await run(opened("demo"), "call clock.now", words_per_second=0)
    assert text.endswith("clock.now gave: noon") and len(journal.entries) == 4
