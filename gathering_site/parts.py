"""The parts that Gathering stands on, one check each: it gives a few words on what it found, or raises PartFailed with
what is wrong and what to do. Each ends within a few seconds."""

import asyncio
import os
import secrets
import stat
from collections.abc import Callable

import psycopg
import redis
from celery import current_app
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from gathering_site.found_providers import find_providers

SECONDS = 3
"""How long each part gets to answer."""
OLDEST_POSTGRESQL = 14


class PartFailed(Exception):
    """A part does not do its work; the message is one line that says why and what to do."""


def check_database() -> str:
    parameters = connection.get_connection_params()
    try:
        with psycopg.connect(**parameters, connect_timeout=SECONDS) as probe:
            version = probe.info.server_version // 10000
    except psycopg.Error as error:
        raise PartFailed(f"{one_line(error)}. {what_to_do('DATABASE_URL', 'PostgreSQL')}") from error
    if version < OLDEST_POSTGRESQL:
        raise PartFailed(
            f"PostgreSQL {version} is too old: DATABASE_URL must name one of {OLDEST_POSTGRESQL} or later."
        )
    return f"PostgreSQL {version}"


def check_pgvector() -> str:
    check_database()
    with connection.cursor() as cursor:
        cursor.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
        found = cursor.fetchone()
    if not found:
        raise PartFailed("The database server has no pgvector: install it there (package postgresql-XX-pgvector).")
    return f"pgvector {found[0]}"


def check_migrations() -> str:
    check_database()
    executor = MigrationExecutor(connection)
    if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise PartFailed(f"{len(missing)} are missing: run `python manage.py prepare`.")
    return "all applied"


def check_redis() -> str:
    try:
        with redis.from_url(settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
            server = client.info("server")
    except redis.RedisError as error:
        raise PartFailed(f"{one_line(error)}. {what_to_do('REDIS_URL', 'Valkey')}") from error
    return f"Redis protocol {server['redis_version']}"


def check_broker() -> str:
    with current_app.connection_for_write(connect_timeout=SECONDS) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=SECONDS)
        except OperationalError as error:
            raise PartFailed(f"{one_line(error)}. {what_to_do('CELERY_BROKER_URL', 'Valkey')}") from error
    return "reached"


def check_channel_layer() -> str:
    async def there_and_back() -> object:
        layer = get_channel_layer()
        name = await layer.new_channel()
        await layer.send(name, {"type": "doctor", "word": word})
        return (await layer.receive(name))["word"]

    check_redis()
    word = secrets.token_hex(8)
    try:
        if asyncio.run(asyncio.wait_for(there_and_back(), SECONDS)) == word:
            return "a message came back"
    except TimeoutError:
        pass
    raise PartFailed(f"A message sent did not come back. {what_to_do('REDIS_URL', 'Valkey')}")


def answering() -> list[str]:
    """The names of the workers and beats that answer a ping."""
    check_broker()
    return [name for reply in current_app.control.ping(timeout=1.0) or [] for name in reply]


def check_worker() -> str:
    workers = [name for name in answering() if "beat" not in name.split("@")[0]]
    if not workers:
        raise PartFailed("No worker answers: run `manage.py up`, or `celery -A gathering_site worker`.")
    return f"{', '.join(workers)} answers"


def check_beat() -> str:
    beats = [name for name in answering() if "beat" in name.split("@")[0]]
    if not beats:
        raise PartFailed("No beat answers: run `manage.py up`, or `celery -A gathering_site.beat beat`.")
    return f"{', '.join(beats)} answers"


def check_providers() -> str:
    return ", ".join(find_providers()) or "none: agents can only rehearse (`demo`). Set ANTHROPIC_API_KEY or such"


def check_data_folder() -> str:
    folder = settings.DATA_DIR
    if not os.access(folder, os.W_OK):
        raise PartFailed(f"{folder} cannot be written to: give it to this user, or set GATHERING_DATA.")
    for path in (folder / "secret_key", folder / "run", folder / "postgres"):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise PartFailed(f"{path} is open to other users: run `chmod go= {path}`.")
    return str(folder)


def check_debug() -> str:
    if settings.DEBUG:
        raise PartFailed("It is on, and shows strangers the insides of every error: set DEBUG = False.")
    return "off"


def check_secret_key() -> str:
    if len(settings.SECRET_KEY) < 32:
        raise PartFailed("It is shorter than 32 characters: set GATHERING_SECRET_KEY to a longer one, or to none.")
    if os.environ.get("GATHERING_SECRET_KEY"):
        return "set"
    return "this data folder's own; machines that share a database need the same GATHERING_SECRET_KEY"


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def what_to_do(variable: str, server: str) -> str:
    if os.environ.get(variable):
        return f"Check {variable}, and that its server runs."
    return f"Run `manage.py up`, which brings a {server}, or set {variable}."


PARTS: dict[str, Callable[[], str]] = {
    "database": check_database,
    "pgvector": check_pgvector,
    "migrations": check_migrations,
    "redis": check_redis,
    "broker": check_broker,
    "channel layer": check_channel_layer,
    "worker": check_worker,
    "beat": check_beat,
    "providers": check_providers,
    "data folder": check_data_folder,
    "debug": check_debug,
    "secret key": check_secret_key,
}
