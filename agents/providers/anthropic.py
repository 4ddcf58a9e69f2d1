"""Anthropic's messages API. The SDK makes the request; its answer is read as bytes and decoded here, which costs a
third of the SDK's own objects."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
from anthropic._vendor.httpx_aiohttp import AiohttpTransport

from agents.providers.anthropic_reply import StreamedReply, decode_event, native_format
from agents.providers.base import Account, ModelEvent, ModelRequest, Patience, ProviderError, Reply, ToolTurn, Turn
from agents.providers.errors import broken
from agents.providers.http import open_client, read_model_list, server_sent_data, translated_errors
from agents.providers.turns import ToolNames, is_native, with_fresh_ids

BASE_URL = "https://api.anthropic.com"


class Anthropic:
    """See agents.providers.base.Provider. `options` are fields of the request, such as `thinking`."""

    def __init__(self, account: Account, patience: Patience) -> None:
        self.account = account
        self.patience = patience
        self.client = anthropic.AsyncAnthropic(
            # Never empty: the SDK would look for other credentials of this machine and send those.
            api_key=account.api_key or "none",
            base_url=account.base_url or BASE_URL,
            max_retries=patience.retries,
            http_client=open_client(account, patience, AiohttpTransport),
        )
        # ANTHROPIC_CUSTOM_HEADERS may hold secrets of the server's, which must not go to an address of a user's.
        self.client._custom_headers = {}

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        names = ToolNames(request.tools)
        reply = StreamedReply(self.account, request.model, names)
        create = self.client.messages.with_streaming_response.create
        try:
            with translated_errors(self.account, anthropic, patience=self.patience, model=request.model):
                async with create(**request_fields(request, names), stream=True) as response:
                    async for data in server_sent_data(response.iter_bytes(), self.account):
                        for event in reply.read(decode_event(data)):
                            yield event
        except ProviderError:
            if not reply.stop_reason:
                raise
        if not reply.stop_reason:
            raise broken(self.account)
        yield reply.whole()

    async def count_tokens(self, request: ModelRequest) -> int | None:
        fields = request_fields(request, ToolNames(request.tools))
        asked = {name: fields[name] for name in ("model", "messages", "system", "tools") if name in fields}
        with translated_errors(self.account, anthropic, patience=self.patience, model=request.model):
            return getattr(await self.client.messages.count_tokens(**asked), "input_tokens", None)

    async def list_models(self) -> list[str]:
        with translated_errors(self.account, anthropic, patience=self.patience):
            async with self.client.models.with_streaming_response.list(limit=1000) as response:
                return await read_model_list(response, self.account)

    async def close(self) -> None:
        await self.client.close()


def request_fields(request: ModelRequest, names: ToolNames) -> dict[str, Any]:
    """The arguments of the SDK's `messages.create`."""
    extra = dict(request.options)
    if request.temperature is not None:
        extra["temperature"] = request.temperature
    fields: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": [
            message
            for turn in with_fresh_ids(request.turns, native_format(request.model))
            if (message := to_message(turn, request.model, names))["content"]
        ],
    }
    if request.system:
        fields["system"] = request.system
    if request.tools:
        fields["tools"] = [
            {"name": names.to_wire(tool.name), "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
    return fields | {"extra_body": {name: value for name, value in extra.items() if name not in (*fields, "stream")}}


def to_message(turn: Turn, model: str, names: ToolNames) -> dict[str, Any]:
    """A turn on the wire. Empty text is refused there, so a turn that says nothing has no content."""
    if isinstance(turn, Reply):
        return {"role": "assistant", "content": reply_blocks(turn, model, names)}
    if isinstance(turn, ToolTurn):
        results = [
            {"type": "tool_result", "tool_use_id": result.id, "content": result.text, "is_error": result.failed}
            for result in turn.results
        ]
        return {"role": "user", "content": results}
    return {"role": "user", "content": turn.text.strip() and turn.text}


def reply_blocks(reply: Reply, model: str, names: ToolNames) -> list[dict[str, Any]]:
    if is_native(reply, native_format(model)):
        return reply.native
    text = [{"type": "text", "text": reply.text}] if reply.text.strip() else []
    return text + [
        {"type": "tool_use", "id": call.id, "name": names.to_wire(call.name), "input": call.arguments}
        for call in reply.tool_calls
    ]
