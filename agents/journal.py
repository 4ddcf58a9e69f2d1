"""Database work for the runs' event loop: in threads, with a connection only while it lasts."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError

from agents.providers.base import Reply, ToolCall, ToolResult
from agents.services import steps

Result = TypeVar("Result")

PAUSE = 0.5
"""Seconds before a database that did not answer is tried again."""


async def in_database(function: Callable[..., Result], **arguments: Any) -> Result:
    """Calls the function in a thread. A database that is away (it restarts) is tried again for the length of a lease,
    so every function given here must be one that can be called twice."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + settings.RUN_LEASE_SECONDS
    while True:
        try:
            return await database_sync_to_async(function, thread_sensitive=False)(**arguments)
        except (OperationalError, InterfaceError):
            if loop.time() > deadline:
                raise
            await asyncio.sleep(PAUSE)


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
