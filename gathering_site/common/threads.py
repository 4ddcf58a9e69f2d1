"""The threads in which asyncio code does what blocks: all that Django's database layer writes. Each call takes a living
connection and gives it back."""

import asyncio
import logging
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

PAUSE = 0.5
"""Seconds before a database that did not answer is asked again."""

threads = ThreadPoolExecutor(settings.REQUEST_THREADS, "request")


async def in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Answers a request with the function, in a thread of the fixed pool."""
    return await asyncio.get_running_loop().run_in_executor(threads, partial(call, function, *arguments))


async def in_database(function: Callable[..., Result], *, patience: float = 0, **arguments: Any) -> Result:
    """Calls the function for asyncio code that answers no request, in a thread of the loop's own: streams do not hold
    up requests. While the database is away it is called again, for `patience` seconds; then it must be one that can be
    called twice."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + patience
    while True:
        try:
            return await loop.run_in_executor(None, partial(call, function, **arguments))
        except (OperationalError, InterfaceError) as error:
            if loop.time() >= give_up_at:
                raise
            logger.warning("Waiting for the database: %s", error)
            await asyncio.sleep(PAUSE)


def call(function: Callable[..., Result], *arguments: Any, **keywords: Any) -> Result:
    try:
        take_living_connection()
        return function(*arguments, **keywords)
    finally:
        connections.close_all()


def take_living_connection() -> None:
    """Lets go of pooled connections that the database has closed (it was restarted): their sockets have an end to be
    read, though nothing was asked. To see that costs nothing; Django's own check is a query for each request."""
    connection.ensure_connection()
    while select.select([connection.connection], [], [], 0)[0]:
        connection.connection.close()
        connection.close()
        connection.ensure_connection()
