"""The run loop: ask the model, store its reply, call the tools it wants, store each result, ask again, until the reply
calls none. Everything that must outlive the process goes through the journal before the next step begins."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from agents.engine.flusher import Flusher, TextStream
from agents.engine.settings import Bounds
from agents.engine.tools import Tool, call_tool, interrupted
from agents.providers.base import (
    ModelRequest,
    Provider,
    ProviderError,
    Reply,
    TextDelta,
    ToolCall,
    ToolResult,
    ToolTurn,
    Turn,
    Usage,
)

STREAM_TRIES = 3
"""How often one model call is made when its stream breaks in the middle. Waiting for 429 and 5xx is the provider's
part."""

TOOLS_AT_ONCE = 8


class BoundHit(Exception):
    """The run may not go on; the message names the bound and its value."""


class Round(msgspec.Struct):
    """One reply and what its tool calls gave: a call that had started before a crash has a place in `started` only."""

    reply: Reply
    results: dict[str, ToolResult] = msgspec.field(default_factory=dict)
    started: set[str] = msgspec.field(default_factory=set)

    @property
    def turns(self) -> list[Turn]:
        """The round as a model is shown it: every call has a result, an interrupted one if it never got its own."""
        calls = self.reply.tool_calls
        if not calls:
            return [self.reply]
        return [self.reply, ToolTurn([self.results.get(call.id) or interrupted(call) for call in calls])]


class Work(msgspec.Struct):
    """All that a claimed run needs. `request` holds the history before this run; `rounds` what it did before it lost
    its worker; `claim` is its claim number; `seconds_spent` is what earlier workers took; `tools` are those that it may
    call, which are the ones that its request offers; `price` gives the dollars of a usage, None where they are not
    known."""

    run: int
    claim: int
    topics: tuple[str, ...]
    message: int
    request: ModelRequest
    bounds: Bounds
    rounds: list[Round]
    price: Callable[[Usage], Decimal | None]
    tools: Mapping[str, Tool] = {}
    seconds_spent: float = 0.0


class Journal(Protocol):
    """Where a run stores what happened. Each call is durable when it returns, and raises `Lost` when another worker or
    a person has taken the run away."""

    async def store_reply(self, reply: Reply, *, before: int, seconds: float) -> None:
        """`before` counts the run's replies before this one, `seconds` is how long the model took."""
        ...

    async def start_tool(self, call: ToolCall) -> None: ...
    async def finish_tool(self, result: ToolResult) -> None: ...


def joined_text(rounds: list[Round]) -> str:
    """What the message says: the replies' texts, parted by an empty line."""
    return "\n\n".join(round.reply.text for round in rounds if round.reply.text)


def open_stream(work: Work) -> TextStream:
    return TextStream(topics=work.topics, message=work.message, claim=work.claim, text=joined_text(work.rounds))


async def perform(work: Work, *, provider: Provider, journal: Journal, flusher: Flusher, stream: TextStream) -> None:
    """Takes the run from its last stored step to its end. Returns when the model has nothing more to call; raises
    ProviderError, BoundHit, or what the journal raises. `stream.text` is what was written, however it ends."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(max(0.0, work.bounds.seconds - work.seconds_spent)) as clock:
            flusher.streams.add(stream)
            rounds = work.rounds
            while not rounds or rounds[-1].reply.tool_calls:
                if rounds:
                    check_tool_bound(work)
                    await settle_tools(rounds[-1], journal, work.tools, seconds=work.bounds.seconds_a_tool)
                check_model_bounds(work)
                stream.open_reply()
                start = loop.time()
                reply = await ask(work, provider, stream, flusher)
                await journal.store_reply(reply, before=len(rounds), seconds=loop.time() - start)
                rounds.append(Round(reply))
            await flusher.flush()
            if rounds[-1].reply.stop_reason == "refusal" and not stream.text:
                raise ProviderError("The model declined to answer.")
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise BoundHit(f"The run took longer than its {work.bounds.seconds:g} seconds.") from error
    finally:
        flusher.streams.discard(stream)


async def ask(work: Work, provider: Provider, stream: TextStream, flusher: Flusher) -> Reply:
    """One model call, made again when its stream breaks; the text of the broken one is taken back."""
    request = msgspec.structs.replace(
        work.request, turns=[*work.request.turns, *(turn for round in work.rounds for turn in round.turns)]
    )
    for attempt in range(1, STREAM_TRIES + 1):
        try:
            async for event in provider.stream(request):
                if isinstance(event, TextDelta):
                    stream.write_reply(event.text)
                elif isinstance(event, Reply):
                    return msgspec.structs.replace(event, usage=event.usage.sound())
            raise ProviderError("The model's answer ended in the middle.", retry_after=0)
        except ProviderError as error:
            if error.retry_after is None or attempt == STREAM_TRIES:
                raise
            stream.rewind()
            await asyncio.sleep(error.retry_after)
    raise AssertionError("unreachable")


async def settle_tools(round: Round, journal: Journal, tools: Mapping[str, Tool], *, seconds: float) -> None:
    """Gives every call of the reply a result, side by side, at most TOOLS_AT_ONCE. A call that a lost worker had
    started is made again only if its tool says it may be."""
    places = asyncio.Semaphore(TOOLS_AT_ONCE)

    async def settle(call: ToolCall) -> None:
        async with places:
            tool = tools.get(call.name)
            if call.id in round.started and not (tool and tool.idempotent):
                result = interrupted(call)
            else:
                await journal.start_tool(call)
                result = await call_tool(tools, call, seconds=seconds)
            await journal.finish_tool(result)
            round.results[call.id] = result

    try:
        async with asyncio.TaskGroup() as group:
            for call in round.reply.tool_calls:
                if call.id not in round.results:
                    group.create_task(settle(call))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors


def check_tool_bound(work: Work) -> None:
    """Raises BoundHit where the calls just asked for would pass the bound: none of them is made then."""
    if sum(len(round.reply.tool_calls) for round in work.rounds) > work.bounds.tool_calls:
        raise BoundHit(f"The run reached its bound of {work.bounds.tool_calls} tool calls.")


def check_model_bounds(work: Work) -> None:
    """Raises BoundHit where one more model call would pass the bound of calls, or the tokens are used up."""
    if len(work.rounds) >= work.bounds.model_calls:
        raise BoundHit(f"The run reached its bound of {work.bounds.model_calls} model calls.")
    if sum(round.reply.usage.input + round.reply.usage.output for round in work.rounds) >= work.bounds.tokens:
        raise BoundHit(f"The run reached its bound of {work.bounds.tokens} tokens.")
    spent = sum((work.price(round.reply.usage) or Decimal(0) for round in work.rounds), Decimal(0))
    if spent >= work.bounds.money:
        raise BoundHit(f"The run reached its bound of {work.bounds.money} US dollars.")
