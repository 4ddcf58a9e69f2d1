"""JSON as this server reads and writes it: UTF-8, times in UTC as ISO 8601 with a Z, decimals as text."""

from typing import Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

ENCODER = msgspec.json.Encoder(decimal_format="string", enc_hook=str)


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        response = renderer_context.get("response") if renderer_context else None
        return b"" if response is not None and response.status_code == 204 else ENCODER.encode(data)


class OnlyJSON(BaseContentNegotiation):
    """Bodies are read and answers are written as JSON, whatever the headers say."""

    def select_parser(self, request: Any, parsers: list[Any]) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: list[Any], format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class JSONParser(BaseParser):
    """Strict JSON: one value, no NaN, no lone surrogates. The error names the place of the fault."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return msgspec.json.decode(stream.read())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from error
