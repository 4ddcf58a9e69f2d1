"""What all providers do alike with turns, tool names and tool calls."""

import re
from collections.abc import Iterable
from itertools import count
from typing import Any, TypeVar

import msgspec

from agents.providers.base import Reply, ToolCall, ToolResult, ToolSpec, ToolTurn, Turn

LONGEST_TOOL_NAME = 64

CallOrResult = TypeVar("CallOrResult", ToolCall, ToolResult)


class ToolNames:
    """Our tool names have a dot (`clock.now`), which model APIs refuse; this maps them to names that all of them take,
    and back."""

    def __init__(self, tools: Iterable[ToolSpec]) -> None:
        self.given: dict[str, str] = {}
        self.ours: dict[str, str] = {}
        for tool in tools:
            plain = name = wire_name(tool.name)
            for number in count(2):
                if name not in self.ours:
                    break
                name = f"{plain[: LONGEST_TOOL_NAME - 4]}_{number}"
            self.given[tool.name] = name
            self.ours[name] = tool.name

    def to_wire(self, name: str) -> str:
        """Also for tools of earlier turns that are not offered any more."""
        return self.given.get(name) or wire_name(name)

    def from_wire(self, name: str) -> str:
        return self.ours.get(name, name)


def functions(tools: Iterable[ToolSpec], names: ToolNames) -> list[dict[str, Any]]:
    """The tools as OpenAI's API and those after its model take them."""
    return [
        {
            "type": "function",
            "function": {
                "name": names.to_wire(tool.name),
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in tools
    ]


def wire_name(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:LONGEST_TOOL_NAME] or "_"


def read_call(*, id: str, name: str, arguments: str) -> ToolCall:
    """The call with its arguments as the model wrote them; what is no JSON object becomes the call's error."""
    try:
        return ToolCall(id=id, name=name, arguments=msgspec.json.decode(arguments or "{}", type=dict))
    except (msgspec.DecodeError, UnicodeError):
        error = f"The arguments of {name} were not a valid JSON object; call it again with one."
        return ToolCall(id=id, name=name, arguments={}, error=error)


def with_fresh_ids(turns: Iterable[Turn], native_format: str) -> list[Turn]:
    """The turns with the ids of tool calls numbered through, so that calls of another provider (or of one that numbers
    each reply's from one) have ids that are unique and that every API takes: nine letters and digits. Replies in
    `native_format` go back unchanged and keep theirs."""
    numbers = count(1)
    fresh: list[Turn] = []
    ids: list[str] = []
    for turn in turns:
        if isinstance(turn, Reply):
            kept = is_native(turn, native_format)
            ids = [call.id if kept else f"call{next(numbers):05d}" for call in turn.tool_calls]
            fresh.append(msgspec.structs.replace(turn, tool_calls=renumbered(turn.tool_calls, ids)))
        elif isinstance(turn, ToolTurn):
            fresh.append(ToolTurn(renumbered(turn.results, ids)))
        else:
            fresh.append(turn)
    return fresh


def renumbered(items: list[CallOrResult], ids: list[str]) -> list[CallOrResult]:
    return [msgspec.structs.replace(item, id=id) for item, id in zip(items, ids, strict=True)]


def is_native(reply: Reply, native_format: str) -> bool:
    return reply.native is not None and reply.native_format == native_format


def result_text(result: ToolResult) -> str:
    """For APIs that have no mark for a failed call."""
    return f"Error: {result.text}" if result.failed else result.text
