"""A real worker and a real server on the tests' database, and clients of both kinds."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import websockets
from channels.db import database_sync_to_async

from agents.models import Agent, Provider
from agents.services.agents import update_agent
from conversations.models import Conversation
from gathering_site.common.actors import Actor
from gathering_site.common.models import User


@pytest.fixture
async def client(server: str, worker: None, alice_token: str) -> AsyncIterator[httpx.AsyncClient]:
    """alice's, over HTTP."""
    headers = {"Authorization": f"Bearer {alice_token}"}
    async with httpx.AsyncClient(base_url=server, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def fast(alice: User) -> Provider:
    """A rehearsal without pauses."""
    return Provider.objects.create(owner=alice, name="fast", kind="demo", settings={"words_per_second": 0})


@pytest.fixture
def use(alice: User, ada: Agent) -> Callable[..., Any]:
    """Gives Ada a provider that asks this stand-in."""

    async def use_upstream(upstream: Any, kind: str) -> None:
        def change() -> None:
            Provider.objects.filter(owner=alice, name=f"my {kind}").delete()
            Provider.objects.create(
                owner=alice, name=f"my {kind}", kind=kind, base_url=upstream.base_url, api_key="k", allow_private=True
            )
            update_agent(actor=Actor(user=alice, door="rest"), agent=ada, provider=f"my {kind}", model="first-model")

        await database_sync_to_async(change, thread_sensitive=False)()

    return use_upstream


class Listener:
    """A socket, with what came in on it, and the messages' texts as a reader of deltas has them."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.texts: dict[int, str] = {}

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def read(self, enough: Callable[[dict[str, Any]], Any], seconds: float = 20) -> dict[str, Any]:
        """Reads up to the first frame that is enough."""
        async with asyncio.timeout(seconds):
            while True:
                frame = json.loads(await self.socket.recv())
                self.frames.append(frame)
                if frame.get("kind") == "message.delta":
                    data = frame["data"]
                    seen = self.texts.get(data["message"], "")
                    assert data["offset"] <= len(seen), "a hole"
                    self.texts[data["message"]] = seen[: data["offset"]] + data["text"]
                if enough(frame):
                    return frame

    def numbers(self) -> list[int]:
        return [frame["number"] for frame in self.frames if "number" in frame]


def ended(frame: dict[str, Any]) -> bool:
    return frame.get("kind") == "run.finished"


@pytest.fixture
async def listen(server: str, alice_token: str, talk: Conversation) -> AsyncIterator[Callable[..., Any]]:
    """Opens sockets of alice's to the conversation with Ada."""
    sockets = []

    async def open_socket(after: int = 0) -> Listener:
        address = f"{server.replace('http', 'ws')}/ws/conversations/{talk.pk}?after={after}"
        socket = await websockets.connect(address, additional_headers={"Authorization": f"Bearer {alice_token}"})
        sockets.append(socket)
        return Listener(socket)

    yield open_socket
    for socket in sockets:
        await socket.close()
