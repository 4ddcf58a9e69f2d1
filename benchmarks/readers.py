"""Those who read streamed answers, through sockets or straight from the upstream, and note when each token arrives. To
be called in a process of its own. A token is the monotonic clock at its sending, in nanoseconds, and a space."""

import asyncio
import time
from dataclasses import dataclass, field

import aiohttp
import msgspec
from websockets.asyncio.client import connect

PATIENCE = 120.0
"""Seconds for all of it: an answer that never ends is an error."""
SOCKETS_AT_ONCE = 10
"""Sockets that are being opened at the same time."""


@dataclass
class Followed:
    """What one reader got. `delays` are milliseconds, one for each token. `holes` counts deltas that did not follow on
    the text before them."""

    text: str = ""
    delays: list[float] = field(default_factory=list)
    holes: int = 0

    def append(self, text: str, received: int) -> None:
        """New text, received at this time of the monotonic clock; it ends with a whole token."""
        self.text += text
        self.delays += [(received - int(token)) / 1e6 for token in text.split()]


class Delta(msgspec.Struct):
    offset: int
    text: str


class Frame(msgspec.Struct):
    """A frame of the conversation, or an answer to a command, which has no kind."""

    kind: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


FRAMES = msgspec.json.Decoder(Frame)
DELTAS = msgspec.json.Decoder(Delta)


def through_sockets(url: str, token: str, conversations: list[int]) -> list[Followed]:
    """One socket for each conversation; when all are open, each asks its question and reads to the answer's end."""
    return asyncio.run(follow_all(url.replace("http", "ws"), token, conversations))


async def follow_all(url: str, token: str, conversations: list[int]) -> list[Followed]:
    opened, places = asyncio.Barrier(len(conversations)), asyncio.Semaphore(SOCKETS_AT_ONCE)
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*(follow(url, token, number, opened, places) for number in conversations))


async def follow(
    url: str, token: str, conversation: int, opened: asyncio.Barrier, places: asyncio.Semaphore
) -> Followed:
    followed = Followed()
    headers = {"Authorization": f"Bearer {token}"}
    async with places:
        socket = await connect(f"{url}/ws/conversations/{conversation}", additional_headers=headers, compression=None)
    async with socket:
        await opened.wait()
        await socket.send('{"type": "send", "text": "Go on."}')
        async for content in socket:
            received = time.monotonic_ns()
            frame = FRAMES.decode(content)
            if frame.kind == "message.delta":
                delta = DELTAS.decode(frame.data)
                followed.holes += delta.offset != len(followed.text)
                followed.append(delta.text, received)
            elif frame.kind == "run.finished":
                return followed
    raise RuntimeError("The socket was closed.")


class Content(msgspec.Struct):
    content: str = ""


class Choice(msgspec.Struct):
    delta: Content


class Chunk(msgspec.Struct):
    choices: list[Choice]


CHUNKS = msgspec.json.Decoder(Chunk)


def directly(url: str, count: int) -> list[Followed]:
    """As many readers of the upstream's own answers, without anything between."""

    async def ask_all() -> list[Followed]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(ask(session, url) for _ in range(count)))

    return asyncio.run(ask_all())


async def ask(session: aiohttp.ClientSession, url: str) -> Followed:
    followed = Followed()
    question = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Go on."}]}
    async with session.post(f"{url}/chat/completions", json=question) as response:
        async for line in response.content:
            received = time.monotonic_ns()
            if line.startswith(b"data: {"):
                for choice in CHUNKS.decode(line[6:]).choices:
                    followed.append(choice.delta.content, received)
    return followed
