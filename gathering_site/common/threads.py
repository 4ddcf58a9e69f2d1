"""The threads in which requests do what blocks: all that Django's database layer writes."""

import asyncio
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, connections

Result = TypeVar("Result")

threads = ThreadPoolExecutor(settings.REQUEST_THREADS, "request")


async def in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Calls the function in a thread of the fixed pool; the database connection it used goes back afterwards."""

    def call() -> Result:
        try:
            take_living_connection()
            return function(*arguments)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(threads, call)


def take_living_connection() -> None:
    """Lets go of pooled connections that the database has closed (it was restarted): their sockets have an end to be
    read, though nothing was asked. To see that costs nothing; Django's own check is a query for each request."""
    connection.ensure_connection()
    while select.select([connection.connection], [], [], 0)[0]:
        connection.connection.close()
        connection.close()
        connection.ensure_connection()
