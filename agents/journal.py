"""Database work for the runs' event loop: in threads, with a connection only while it lasts."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from django.conf import settings

from agents.providers.base import Reply, ToolCall, ToolResult
from agents.services import steps
from gathering_site.common import threads

Result = TypeVar("Result")


async def in_database(function: Callable[..., Result], **arguments: Any) -> Result:
    """Calls the function in a thread. A database that is away (it restarts) is tried again for the length of a lease,
    so every function given here must be one that can be called twice."""
    return await threads.in_database(function, patience=settings.RUN_LEASE_SECONDS, **arguments)


class DatabaseJournal(msgspec.Struct, frozen=True):
    """The engine's journal: what one claim of a run stores."""

    run_id: int
    worker: str
    claim: int

    @property
    def holder(self) -> dict[str, Any]:
        return {"run_id": self.run_id, "worker": self.worker, "claim": self.claim}

    async def store_reply(self, reply: Reply, *, before: int, seconds: float) -> None:
        await in_database(steps.store_reply, **self.holder, reply=reply, before=before, seconds=seconds)

    async def start_tool(self, call: ToolCall) -> None:
        await in_database(steps.start_tool, **self.holder, call=call)

    async def finish_tool(self, result: ToolResult) -> None:
        await in_database(steps.finish_tool, **self.holder, result=result)
