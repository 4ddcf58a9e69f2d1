"""The chat completions API, of OpenAI and of everything else that speaks it. The SDK makes the request; its answer is
read as bytes and decoded here, which costs a third of the SDK's own objects."""

from collections.abc import AsyncIterator
from typing import Any

import openai
from openai._vendor.httpx_aiohttp import AiohttpTransport
from yarl import URL

from agents.providers.base import Account, ModelEvent, ModelRequest, Patience, ProviderError, Reply, ToolTurn, Turn
from agents.providers.errors import broken
from agents.providers.http import open_client, read_model_list, server_sent_data, translated_errors
from agents.providers.openai_reply import StreamedReply, decode_chunk, native_format, to_wire_call
from agents.providers.turns import ToolNames, functions, is_native, result_text, with_fresh_ids

BASE_URL = "https://api.openai.com/v1"
NEW_FIELD_HOSTS = (".openai.com", ".azure.com")
"""Hosts that want `max_completion_tokens`; most others only know the older `max_tokens`."""

DONE = b"[DONE]"


class OpenAI:
    """See agents.providers.base.Provider. `options` are fields of the request, such as `reasoning_effort`."""

    def __init__(self, account: Account, patience: Patience) -> None:
        self.account = account
        self.patience = patience
        self.base_url = account.base_url or BASE_URL
        self.client = openai.AsyncOpenAI(
            # Many servers of one's own want no key, but the SDK does.
            api_key=account.api_key or "none",
            base_url=self.base_url,
            max_retries=patience.retries,
            http_client=open_client(account, patience, AiohttpTransport),
        )
        # The SDK takes these from the environment; what is the server's own must not go to an address of a user's.
        self.client.organization = self.client.project = None
        self.client._custom_headers = {}

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        names = ToolNames(request.tools)
        reply = StreamedReply(self.account, request.model, names)
        create = self.client.chat.completions.with_streaming_response.create
        try:
            with translated_errors(self.account, openai, patience=self.patience, model=request.model):
                async with create(**self.request_fields(request, names), stream=True) as response:
                    async for data in server_sent_data(response.iter_bytes(), self.account):
                        if data == DONE:
                            reply.stop_reason = reply.stop_reason or "stop"
                            break
                        for event in reply.read(decode_chunk(data)):
                            yield event
        except ProviderError:
            if not reply.stop_reason:
                raise
        if not reply.stop_reason:
            raise broken(self.account)
        yield reply.whole()

    def request_fields(self, request: ModelRequest, names: ToolNames) -> dict[str, Any]:
        """The arguments of the SDK's `chat.completions.create`."""
        new = f".{URL(self.base_url).host}".endswith(NEW_FIELD_HOSTS)
        fields: dict[str, Any] = {
            "model": request.model,
            "messages": to_messages(request, names),
            "stream_options": {"include_usage": True},
            "max_completion_tokens" if new else "max_tokens": request.max_output_tokens,
        }
        if request.temperature is not None:
            fields["temperature"] = request.temperature
        if request.tools:
            fields["tools"] = functions(request.tools, names)
        extra = {name: value for name, value in request.options.items() if name not in (*fields, "stream")}
        return fields | {"extra_body": extra}

    async def count_tokens(self, request: ModelRequest) -> int | None:
        return None

    async def list_models(self) -> list[str]:
        with translated_errors(self.account, openai, patience=self.patience):
            async with self.client.models.with_streaming_response.list() as response:
                return await read_model_list(response, self.account)

    async def close(self) -> None:
        await self.client.close()


def to_messages(request: ModelRequest, names: ToolNames) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": request.system}] if request.system else []
    for turn in with_fresh_ids(request.turns, native_format(request.model)):
        messages += turn_messages(turn, request.model, names)
    return messages


def turn_messages(turn: Turn, model: str, names: ToolNames) -> list[dict[str, Any]]:
    if isinstance(turn, ToolTurn):
        return [{"role": "tool", "tool_call_id": result.id, "content": result_text(result)} for result in turn.results]
    if not isinstance(turn, Reply):
        return [{"role": "user", "content": turn.text}]
    if is_native(turn, native_format(model)):
        return [turn.native]
    if turn.tool_calls:
        calls = [to_wire_call(call, names) for call in turn.tool_calls]
        return [{"role": "assistant", "content": turn.text or None, "tool_calls": calls}]
    return [{"role": "assistant", "content": turn.text}] if turn.text else []
