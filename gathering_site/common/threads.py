"""The threads in which requests do what blocks: all that Django's database layer writes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.db import connections

Result = TypeVar("Result")

threads = ThreadPoolExecutor(settings.REQUEST_THREADS, "request")


async def in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Calls the function in a thread of the fixed pool; the database connection it used goes back afterwards."""

    def call() -> Result:
        try:
            return function(*arguments)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(threads, call)
