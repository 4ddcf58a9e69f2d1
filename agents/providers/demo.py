"""A rehearsal: answers by rule, without a network, a key or a model, and says so in every reply.

What the last person's text holds decides the reply:

- `call clock.now {"time_zone": "Europe/Paris"}` calls that tool, then tells its result; the JSON object may be left
  out. Several such calls, each on a line of its own, are made together.
- `write 200 words` writes that many words, as far as the agent's output limit goes.
- `fail` on a line of its own fails as a real provider would, with an error that ends the run.
- Anything else is said back.

It speaks a word at a time; its option `words_per_second` (20 if not given, 0 for no pause) says how fast.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import cycle, islice

import msgspec

from agents.providers.base import (
    Account,
    ModelEvent,
    ModelRequest,
    ProviderError,
    Reply,
    TextDelta,
    ToolTurn,
    Turn,
    Usage,
    UserTurn,
)
from agents.providers.turns import read_call

CALL = re.compile(r"\bcall ([\w-]+\.[\w.-]+)[ \t]*(\{.*\})?")
WRITE = re.compile(r"\bwrite (\d{1,6}) words\b", re.IGNORECASE)
FAIL = re.compile(r"(?:^|: |@\S+ )fail\.?\s*$", re.IGNORECASE | re.MULTILINE)
REHEARSAL = "This is a rehearsal: no model was asked."
LONGEST_ECHO = 500
WORDS_PER_SECOND = 20
WORDS = [
    "the",
    "curtain",
    "rises",
    "on",
    "an",
    "empty",
    "stage",
    "and",
    "someone",
    "counts",
    "the",
    "chairs",
    "while",
    "the",
    "light",
    "grows",
    "slowly",
    "brighter",
]


class Demo:
    """See agents.providers.base.Provider."""

    def __init__(self, account: Account) -> None:
        self.account = account

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        last = request.turns[-1] if request.turns else UserTurn("")
        if isinstance(last, UserTurn) and FAIL.search(last.text):
            raise ProviderError(f"{self.account.name} failed, as it was told to.")
        planned = answer(last)
        words = re.findall(r"\s*\S+", planned.text)
        spoken = words[: request.max_output_tokens]
        pause = self.pause(request)
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number, word in enumerate(spoken, 1):
            # By the clock and not since the last word, so that the pace holds under load.
            await asyncio.sleep(max(0.0, start + number * pause - loop.time()))
            yield TextDelta(word)
        if len(spoken) < len(words):
            planned = Reply(text="".join(spoken), stop_reason="length")
        usage = Usage(input=sum(map(length, request.turns)), output=len(spoken))
        yield msgspec.structs.replace(planned, usage=usage)

    def pause(self, request: ModelRequest) -> float:
        """Seconds between two words."""
        pace = request.options.get("words_per_second", WORDS_PER_SECOND)
        if not isinstance(pace, int | float) or pace < 0:
            raise ProviderError(f"{self.account.name} has a words_per_second of {pace!r}; it must be a number from 0.")
        return 1 / pace if pace else 0.0

    async def count_tokens(self, request: ModelRequest) -> int | None:
        return None

    async def list_models(self) -> list[str]:
        return ["demo"]

    async def close(self) -> None:
        pass


def answer(turn: Turn) -> Reply:
    """What is said to the last turn, before any limit."""
    if isinstance(turn, ToolTurn):
        told = [f"{result.name} {'failed' if result.failed else 'gave'}: {result.text}" for result in turn.results]
        return Reply(text="\n".join([REHEARSAL, *told]))
    if calls := list(CALL.finditer(turn.text)):
        return Reply(
            text=f"{REHEARSAL} Calling {' and '.join(call[1] for call in calls)}.",
            tool_calls=[
                read_call(id=f"call-{number}", name=call[1], arguments=call[2] or "")
                for number, call in enumerate(calls, 1)
            ],
            stop_reason="tool_calls",
        )
    if wanted := WRITE.search(turn.text):
        return Reply(text=" ".join(islice(cycle([*REHEARSAL.split(), *WORDS]), int(wanted[1]))))
    said = " ".join(turn.text.split())
    return Reply(text=f"{REHEARSAL} You said: {said[:LONGEST_ECHO]}{'…' if len(said) > LONGEST_ECHO else ''}")


def length(turn: Turn) -> int:
    """Words of a turn: they stand for tokens here."""
    texts = [result.text for result in turn.results] if isinstance(turn, ToolTurn) else [turn.text]
    return sum(len(text.split()) for text in texts)
