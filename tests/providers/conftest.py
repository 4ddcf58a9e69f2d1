import socket
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from agents.providers import open_provider
from agents.providers.base import (
    Account,
    ModelRequest,
    Patience,
    Provider,
    ReasoningDelta,
    Reply,
    TextDelta,
    ToolSpec,
    UserTurn,
)
from tests.upstreams.server import Upstream

KEY = "sk-test-0123456789abcdef"
QUICK = Patience(connect=2, stall=0.2, first_byte=0.2, retries=2, longest_wait=1)
CLOCK = ToolSpec(
    name="clock.now",
    description="The time.",
    parameters={"type": "object", "properties": {"time_zone": {"type": "string"}}},
)
CALENDAR = ToolSpec(name="calendar.read", description="A day.", parameters={"type": "object", "properties": {}})

Opener = Callable[..., Provider]


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    """Opens providers on an upstream and closes them in the end."""
    providers: list[Provider] = []

    def open_one(kind: str, upstream: Upstream | None = None, **fields) -> Provider:
        patience = fields.pop("patience", QUICK)
        known = {"base_url": upstream.base_url if upstream else "", "api_key": KEY, "allow_private": True}
        account = Account(**({"kind": kind, "name": kind} | known | fields))
        providers.append(open_provider(account, patience))
        return providers[-1]

    yield open_one
    for provider in providers:
        await provider.close()


@pytest.fixture
def names(monkeypatch) -> dict[str, str]:
    """What the name server knows, instead of the one of the network: addresses by host name."""
    known: dict[str, str] = {}

    class NameServer(AbstractResolver):
        def __init__(self, loop: object) -> None: ...

        async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
            if host not in known:
                raise socket.gaierror(socket.EAI_NONAME, "not known")
            found = {"hostname": host, "host": known[host], "port": port}
            return [ResolveResult(**found, family=socket.AF_INET, proto=0, flags=0)]

        async def close(self) -> None: ...

    monkeypatch.setattr("aiohttp.connector.DefaultResolver", NameServer)
    return known


def asking(text: str = "hello", **fields) -> ModelRequest:
    return ModelRequest(**({"model": "m", "turns": [UserTurn(text)]} | fields))


async def reply_of(provider: Provider, request: ModelRequest | None = None) -> Reply:
    """The reply at the end of the stream, after checking that the deltas add up to it."""
    text = reasoning = ""
    reply = None
    async for event in provider.stream(request or asking()):
        assert reply is None, "something came after the reply"
        match event:
            case TextDelta():
                text += event.text
            case ReasoningDelta():
                reasoning += event.text
            case Reply():
                reply = event
    assert reply is not None
    assert (text, reasoning) == (reply.text, reply.reasoning)
    return reply
