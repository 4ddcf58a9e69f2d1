"""The server at `REDIS_URL`, which carries pushes and live text. It may be away: nothing that must last is only
there."""

from functools import cache

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

AWAY = (redis.RedisError, OSError)
"""What a client raises when the server does not answer."""

PATIENCE = 2.0
"""Seconds for an answer: a request must not hang because a push cannot be sent."""


@cache
def client_of(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
    )


def client() -> redis.Redis:
    """The client of this process, for threads."""
    return client_of(settings.REDIS_URL)


def asyncio_client() -> redis.asyncio.Redis:
    """A new client for the running event loop."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=AsyncRetry(NoBackoff(), 1)
    )


@cache
def prefix_of(url: str) -> str:
    return f"{parse_url(url).get('db', 0)}:events:"


def channel_of(topic: str) -> str:
    """Where the topic's frames are published. Channels, unlike keys, are shared by all databases of a server, so the
    database's number is part of the name."""
    return prefix_of(settings.REDIS_URL) + topic
