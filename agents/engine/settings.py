"""What an operator can set for an agent, with the defaults. Kept as JSON in the agent's row, checked here."""

from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one run may go. A bound that is hit ends the run with a reason that names it."""

    model_calls: Annotated[int, Meta(ge=1, le=1000)] = 20
    tool_calls: Annotated[int, Meta(ge=0, le=10_000)] = 50
    seconds_a_tool: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    seconds: Annotated[float, Meta(gt=0, le=86_400)] = 900.0
    tokens: Annotated[int, Meta(ge=1, le=100_000_000)] = 500_000
    money: Annotated[float, Meta(gt=0, le=10_000)] = 5.0
    """US dollars, by the list prices of the model; a model without a known price is not bounded by money."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return msgspec.convert(values, cls)

    def to_json(self) -> dict[str, Any]:
        return msgspec.to_builtins(self)


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`temperature` None leaves it to the model; `history_window` counts messages of the conversation."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096
    history_window: Annotated[int, Meta(ge=1, le=1000)] = 50
    bounds: Bounds = Bounds()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The settings, with defaults for what is not given. Raises msgspec.ValidationError with the place of the
        fault."""
        return msgspec.convert(values, cls)
