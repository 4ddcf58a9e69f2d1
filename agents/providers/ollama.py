"""Ollama's native chat API: one JSON object a line. It has no SDK on aiohttp, so the request is made here."""

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import aiohttp
import msgspec

from agents.providers.base import Account, ModelEvent, ModelRequest, Patience, ProviderError, Reply, ToolTurn, Turn
from agents.providers.errors import broken, connection_error, no_model_list, stalled, status_error
from agents.providers.http import asked_wait, bounded, lines, open_session
from agents.providers.ollama_reply import StreamedReply, decode_line, native_format
from agents.providers.turns import ToolNames, functions, is_native, result_text

BASE_URL = "http://127.0.0.1:11434"
REQUEST_FIELDS = ("keep_alive", "think", "format")
"""The options that are fields of the request; all others (`num_ctx`, `top_p`, …) are options of the model."""

LONGEST_ERROR = 64 * 1024
"""Bytes that are read of an answer that is an error."""

NO_TOOLS = "does not support tools"


class Ollama:
    """See agents.providers.base.Provider. `options` are the model's (`num_ctx`) and the request's (REQUEST_FIELDS)."""

    def __init__(self, account: Account, patience: Patience) -> None:
        self.account = account
        self.patience = patience
        self.base_url = (account.base_url or BASE_URL).rstrip("/")
        self.session: aiohttp.ClientSession | None = None
        self.without_tools: set[str] = set()
        """Models that turned out to take no tools. An agent may use one all the same: it is then asked without any."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        names = ToolNames(request.tools)
        reply = StreamedReply(self.account, request.model, names)
        try:
            async with await self.ask_model(request_fields(request, names)) as response:
                async for line in lines(self.chunks(response), self.account):
                    if line:
                        for event in reply.read(decode_line(line)):
                            yield event
        except TimeoutError:
            raise stalled(self.account, self.patience.stall) from None
        except (aiohttp.ClientError, msgspec.DecodeError, UnicodeError):
            raise broken(self.account) from None
        if not reply.stop_reason:
            raise broken(self.account)
        yield reply.whole()

    async def chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        while True:
            async with asyncio.timeout(self.patience.stall):
                chunk = await response.content.readany()
            if not chunk:
                return
            yield chunk

    async def ask_model(self, fields: dict[str, Any]) -> aiohttp.ClientResponse:
        model = fields["model"]
        if model in self.without_tools:
            fields.pop("tools", None)
        try:
            return await self.ask("POST", "/api/chat", fields, model=model)
        except ProviderError as error:
            if NO_TOOLS not in error.message or "tools" not in fields:
                raise
        self.without_tools.add(model)
        del fields["tools"]
        return await self.ask("POST", "/api/chat", fields, model=model)

    async def ask(
        self, method: str, path: str, fields: dict[str, Any] | None = None, *, model: str = ""
    ) -> aiohttp.ClientResponse:
        """A successful answer, to be closed by the caller. Asks again after 429, 5xx or a failed connection, but not
        where no byte came in time: a model that loads too slowly would only begin anew."""
        if self.session is None:
            self.session = open_session(self.account)
        timeout = aiohttp.ClientTimeout(connect=self.patience.connect, sock_read=self.patience.first_byte)
        headers = {"Authorization": f"Bearer {self.account.api_key}"} if self.account.api_key else {}
        for tries in count(1):
            wait = None
            try:
                response = await self.session.request(
                    method,
                    self.base_url + path,
                    json=fields,
                    headers=headers,
                    timeout=timeout,
                    allow_redirects=False,
                )
                if response.status == 200:
                    return response
                wait = asked_wait(response.headers)
                problem = await self.problem(response, model=model, wait=wait, tries=tries)
                final = response.status != 429 and response.status < 500
            except aiohttp.ClientError as error:
                problem = connection_error(self.account, error)
                final = isinstance(error, aiohttp.SocketTimeoutError)
            if final or tries > self.patience.retries or (wait or 0) > self.patience.longest_wait:
                raise problem
            await asyncio.sleep(wait if wait and wait > 0 else backoff(tries))
        raise AssertionError("unreachable")

    async def problem(
        self, response: aiohttp.ClientResponse, *, model: str, wait: float | None, tries: int
    ) -> ProviderError:
        async with response:
            text = await response.content.read(LONGEST_ERROR)
        try:
            body = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError):
            body = text.decode(errors="replace")
        return status_error(self.account, response.status, body, model=model, wait=wait, tries=tries)

    async def count_tokens(self, request: ModelRequest) -> int | None:
        return None

    async def list_models(self) -> list[str]:
        async with await self.ask("GET", "/api/tags") as response:
            try:
                body = b"".join([chunk async for chunk in bounded(self.chunks(response), self.account)])
                return [model["name"] for model in msgspec.json.decode(body)["models"]]
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
                raise no_model_list(self.account) from None

    async def close(self) -> None:
        if self.session:
            await self.session.close()


def backoff(tries: int) -> float:
    """Seconds before asking again where the server named no time: 0.5, 1, 2, … up to 8, less up to a quarter by chance,
    as the SDKs of the other providers do."""
    return min(0.5 * 2 ** (tries - 1), 8.0) * (1 - 0.25 * random.random())  # noqa: S311


def request_fields(request: ModelRequest, names: ToolNames) -> dict[str, Any]:
    """The body of a call of /api/chat."""
    options = {name: value for name, value in request.options.items() if name not in REQUEST_FIELDS}
    options["num_predict"] = request.max_output_tokens
    if request.temperature is not None:
        options["temperature"] = request.temperature
    messages = [{"role": "system", "content": request.system}] if request.system else []
    for turn in request.turns:
        messages += turn_messages(turn, request.model, names)
    fields = {"model": request.model, "messages": messages, "stream": True, "options": options}
    fields |= {name: request.options[name] for name in REQUEST_FIELDS if name in request.options}
    if request.tools:
        fields["tools"] = functions(request.tools, names)
    return fields


def turn_messages(turn: Turn, model: str, names: ToolNames) -> list[dict[str, Any]]:
    """Results belong to calls by their order and name: there are no ids."""
    if isinstance(turn, ToolTurn):
        return [
            {"role": "tool", "tool_name": names.to_wire(result.name), "content": result_text(result)}
            for result in turn.results
        ]
    if not isinstance(turn, Reply):
        return [{"role": "user", "content": turn.text}]
    message: dict[str, Any] = {"role": "assistant", "content": turn.text}
    if is_native(turn, native_format(model)):
        message |= turn.native
    if turn.tool_calls:
        message["tool_calls"] = [
            {"function": {"name": names.to_wire(call.name), "arguments": call.arguments}} for call in turn.tool_calls
        ]
    return [message]
