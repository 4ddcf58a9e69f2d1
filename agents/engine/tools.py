"""Tools: typed functions that an agent may call. Apps register theirs from their `agent_tools.py` at start-up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from agents.providers.base import ToolCall, ToolResult, ToolSpec

INTERRUPTED = (
    "This call was interrupted before it gave a result. It may or may not have taken effect; "
    "check before you repeat it."
)


class ToolFailure(Exception):
    """The tool could not do it. The message is a sentence that the model can act on."""


class Tool(msgspec.Struct, frozen=True):
    """`parameters` is a JSON Schema of an object; `run` takes the arguments and gives the text for the model.
    `idempotent` says that a call which may have happened already can be made again after a crash."""

    name: str
    description: str
    parameters: dict[str, Any]
    run: Callable[[dict[str, Any]], Awaitable[str]]
    risk: Literal["read", "write", "execute"] = "read"
    idempotent: bool = False

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(name=self.name, description=self.description, parameters=self.parameters)


REGISTRY: dict[str, Tool] = {}


def register(tool: Tool) -> Tool:
    """Makes the tool known to every run of this process; a name can be taken once."""
    if tool.name in REGISTRY:
        raise ValueError(f"A tool named {tool.name} is registered already.")
    REGISTRY[tool.name] = tool
    return tool


async def call_tool(tools: Mapping[str, Tool], call: ToolCall, *, seconds: float) -> ToolResult:
    """What the call gave; a tool that is unknown, fails or takes longer than `seconds` gives a failed result, so that
    the model always hears back."""
    if call.error:
        return failed(call, call.error)
    tool = tools.get(call.name)
    if tool is None:
        known = ", ".join(sorted(tools)) or "none"
        return failed(call, f"There is no tool named {call.name}. Known tools: {known}.")
    try:
        async with asyncio.timeout(seconds):
            return ToolResult(id=call.id, name=call.name, text=await tool.run(call.arguments))
    except TimeoutError:
        return failed(call, f"{call.name} gave no result within {seconds:g} seconds.")
    except ToolFailure as error:
        return failed(call, str(error))
    except Exception as error:
        return failed(call, f"{call.name} failed: {type(error).__name__}.")


def failed(call: ToolCall, sentence: str) -> ToolResult:
    return ToolResult(id=call.id, name=call.name, text=sentence, failed=True)


def interrupted(call: ToolCall) -> ToolResult:
    return failed(call, INTERRUPTED)
