"""Queries that Django writes and the server's event loop runs: the most frequent reads need no thread.

Django's own database layer blocks. Handing each read to a thread costs more than the read: measured with 16 clients, a
list took 2.5 ms of processor time through a thread and 0.9 ms this way."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet
from django.db.models.query import get_related_populators
from psycopg import AsyncConnection, AsyncCursor, OperationalError
from psycopg.adapt import AdaptersMap
from psycopg.types.datetime import TimestamptzLoader
from psycopg_pool import AsyncConnectionPool

USER, ID, TEXT = -(2**62), -(2**62) + 1, "\0"
"""Stand in a plan for the values of a request. No column holds such values."""

Values = Mapping[int | str, int | str]


class Plan:
    """A query set's SQL and how its rows become objects. It is made once, with USER, ID or TEXT where a request's
    values come, and run with these values: writing the SQL anew takes longer than running it."""

    def __init__(self, queryset: QuerySet) -> None:
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        try:
            self.sql, self.params = compiler.as_sql()
        except EmptyResultSet:  # Django sees that no row can fit.
            self.sql = None
            return
        # Converters look up what the database can do, nothing else, so threads may share it.
        self.database = compiler.connection
        self.counting = f"SELECT count(*) FROM ({self.sql}) AS counted"  # noqa: S608 Django's own SQL
        self.model = compiler.klass_info["model"]
        fields = compiler.klass_info["select_fields"]
        self.own = slice(fields[0], fields[-1] + 1)
        self.names = [column[0].target.attname for column in compiler.select[self.own]]
        self.related = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)
        converters = compiler.get_converters([column[0] for column in compiler.select])
        self.convert = [(place, convert, column) for place, (found, column) in converters.items() for convert in found]
        self.annotations = compiler.annotation_col_map

    def bind(self, values: Values) -> list[Any]:
        return [values.get(value, value) if isinstance(value, int | str) else value for value in self.params]

    async def rows(self, values: Values, *, shared: bool = False) -> list[Any]:
        """The objects, as the query set would give them. With `shared` the read may be one that another request asked
        for, too; the objects are nobody else's."""
        if self.sql is None:
            return []
        rows = await (run_shared if shared else run)(self.sql, self.bind(values))
        return [self.object_of(list(row)) for row in rows]

    async def count(self, values: Values) -> int:
        """How many rows there are."""
        if self.sql is None:
            return 0
        [(count,)] = await run(self.counting, self.bind(values))
        return count

    def object_of(self, row: list[Any]) -> Any:
        for place, convert, column in self.convert:
            row[place] = convert(row[place], column, self.database)
        found = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.own])
        for populator in self.related:
            populator.populate(row, found)
        for name, place in self.annotations.items():
            setattr(found, name, row[place])
        return found


Rows = list[tuple[Any, ...]]

pools: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncConnectionPool] = WeakKeyDictionary()


async def pool() -> AsyncConnectionPool:
    """This loop's connections, made like Django's own."""
    loop = asyncio.get_running_loop()
    if loop not in pools:
        options = connections[DEFAULT_DB_ALIAS].get_connection_params()
        # Few and always the same statements: the database plans them once a connection.
        options |= {"cursor_factory": AsyncCursor, "autocommit": True, "prepare_threshold": 5}
        # Times in UTC as they come: Django's loader takes them apart in Python, once more for each value.
        options["context"] = AdaptersMap(options["context"].adapters)
        options["context"].adapters.register_loader("timestamptz", TimestamptzLoader)
        pools[loop] = AsyncConnectionPool(
            kwargs=options,
            configure=use_utc,
            min_size=1,
            max_size=settings.READ_CONNECTIONS,
            open=False,
            name="reads",
        )
        await pools[loop].open()
    return pools[loop]


async def use_utc(connection: AsyncConnection) -> None:
    await connection.execute("SET TIME ZONE 'UTC'")


async def run(sql: str, params: Sequence[Any]) -> Rows:
    """The rows of a read. One that meets a connection which the database has dropped (it was restarted) is made again
    on a new one."""
    source = await pool()
    try:
        async with source.connection() as connection:
            return await (await connection.execute(sql, params)).fetchall()
    except OperationalError:
        await source.check()
        async with source.connection() as connection:
            return await (await connection.execute(sql, params)).fetchall()


current: dict[tuple[Any, ...], asyncio.Task[Rows]] = {}
following: dict[tuple[Any, ...], asyncio.Task[Rows]] = {}


async def run_shared(sql: str, params: Sequence[Any]) -> Rows:
    """As `run`, for what many requests ask at the same time: those that come while it is being read share the next
    read. It begins after they came, so each sees all that was committed before."""
    key = (asyncio.get_running_loop(), sql, *params)

    async def read() -> Rows:
        if earlier := current.get(key):
            await asyncio.wait([earlier])
        current[key] = following.pop(key)
        try:
            return await run(sql, params)
        finally:
            del current[key]

    if key not in following:
        following[key] = asyncio.create_task(read())
    return await asyncio.shield(following[key])


async def close_pool() -> None:
    """Gives back this loop's connections."""
    if opened := pools.pop(asyncio.get_running_loop(), None):
        await opened.close()
