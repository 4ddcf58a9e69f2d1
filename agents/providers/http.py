"""How the network providers connect: checked addresses, no redirects, bounded waiting; and how they read a stream."""

import email.utils
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from ssl import SSLContext
from types import ModuleType
from typing import Any

import aiohttp
import httpx2
import msgspec

from agents.providers.addresses import checked_socket
from agents.providers.base import Account, Patience, ProviderError
from agents.providers.errors import broken, connection_error, no_model_list, stalled, status_error

LONGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of one answer: far above any reply, far below what would hurt us if a server went on for ever."""


@cache
def tls_context() -> SSLContext:
    return httpx2.create_ssl_context()


def open_session(account: Account) -> aiohttp.ClientSession:
    """A session whose every socket is checked against the account's address rules. Needs a running loop; each request
    has to say its timeout and `allow_redirects=False`."""
    connector = aiohttp.TCPConnector(
        limit=0, ssl=tls_context(), socket_factory=checked_socket(allow_private=account.allow_private)
    )
    return aiohttp.ClientSession(connector=connector)


def open_client(account: Account, patience: Patience, transport_class: Any) -> httpx2.AsyncClient:
    """The HTTP client for an SDK; `transport_class` is the aiohttp transport that the SDK brings. The environment's
    proxies are left out, since they would connect in our place, unchecked."""
    transport = transport_class(verify=tls_context(), client=lambda: open_session(account))
    timeout = httpx2.Timeout(patience.stall, connect=patience.connect, pool=patience.connect)
    return httpx2.AsyncClient(
        transport=BoundedTransport(transport, patience.longest_wait),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
    )


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Ends answers that are too long, and tells the SDK, in the header that it obeys, not to retry where it was asked
    to wait for too long."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, longest_wait: float) -> None:
        self.inner = inner
        self.longest_wait = longest_wait

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.inner.handle_async_request(request)
        if (asked_wait(response.headers) or 0) > self.longest_wait:
            response.headers["x-should-retry"] = "false"
        response.stream = BoundedStream(response.stream)
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


class BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self.inner:
            length += len(chunk)
            if length > LONGEST_ANSWER:
                raise httpx2.ReadError(f"More than {LONGEST_ANSWER} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self.inner.aclose()


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer's Retry-After asks to wait, given as a number or as a date."""
    text = headers.get("retry-after", "")
    try:
        return float(text)
    except ValueError:
        date = email.utils.parsedate_tz(text)
    return email.utils.mktime_tz(date) - time.time() if date else None


@contextmanager
def translated_errors(account: Account, sdk: ModuleType, *, patience: Patience, model: str = "") -> Iterator[None]:
    """Turns what an SDK, its transport or the decoding of an answer raises into ProviderError. The original is left
    out of it: it may hold the key."""
    try:
        yield
    except sdk.APIStatusError as error:
        headers = error.response.headers
        tries = int(error.response.request.headers.get("x-stainless-retry-count", 0)) + 1
        raise status_error(
            account, error.status_code, error.body, model=model, wait=asked_wait(headers), tries=tries
        ) from None
    except sdk.APIConnectionError as error:
        raise connection_error(account, error) from None
    except httpx2.ReadTimeout:
        raise stalled(account, patience.stall) from None
    except (httpx2.HTTPError, httpx2.StreamError, msgspec.DecodeError, UnicodeError):
        raise broken(account) from None


class ListedModel(msgspec.Struct):
    id: str


class ModelList(msgspec.Struct):
    data: list[ListedModel]


async def read_model_list(response: Any, account: Account) -> list[str]:
    """The ids of an SDK's answer to a question for models. Decoded here, since the SDKs break on what is no list."""
    try:
        return [model.id for model in msgspec.json.decode(await response.read(), type=ModelList).data]
    except (msgspec.DecodeError, UnicodeError):
        raise no_model_list(account) from None


async def bounded(chunks: AsyncIterator[bytes], account: Account) -> AsyncIterator[bytes]:
    length = 0
    async for chunk in chunks:
        length += len(chunk)
        if length > LONGEST_ANSWER:
            raise ProviderError(f"{account.name} sent more than {LONGEST_ANSWER} bytes.")
        yield chunk


async def lines(chunks: AsyncIterator[bytes], account: Account) -> AsyncIterator[bytes]:
    """The complete lines of a stream; what comes after the last line's end is dropped."""
    rest = b""
    async for chunk in bounded(chunks, account):
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield line.rstrip(b"\r")


async def server_sent_data(chunks: AsyncIterator[bytes], account: Account) -> AsyncIterator[bytes]:
    """The data of each server-sent event; names of events and comments (keep-alives) are left out. Raises ProviderError
    where there is no event at all: a web page, or a server that does not stream."""
    empty = True
    data: list[bytes] = []
    async for line in lines(chunks, account):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            empty = False
            yield b"\n".join(data)
            data = []
    if empty:
        raise ProviderError(f"{account.name} did not answer with a stream of events; check its base URL.")
