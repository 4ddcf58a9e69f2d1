"""Tools that need nothing but the server itself."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agents.engine.tools import Tool, ToolFailure, register


async def now(arguments: dict[str, Any]) -> str:
    zone = arguments.get("time_zone", "UTC")
    try:
        return datetime.now(ZoneInfo(zone)).isoformat(timespec="seconds")
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ToolFailure(f"There is no time zone {zone!r}; give a name such as Europe/Paris.") from error


register(
    Tool(
        name="clock.now",
        description="The date and time now, in ISO 8601.",
        parameters={
            "type": "object",
            "properties": {"time_zone": {"type": "string", "description": "such as Europe/Paris; UTC if not given"}},
            "additionalProperties": False,
        },
        run=now,
        idempotent=True,
    )
)
