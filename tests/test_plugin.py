"""What the tests themselves stand on."""

import asyncio
import socket

import pytest
from django.core.cache import cache
from django.db import connection

from tests.plugin import NetworkRefused


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80), ("::ffff:192.0.2.1", 80)])
def test_a_connection_to_the_network_is_refused(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as outward, pytest.raises(NetworkRefused):
        outward.connect(address)


async def test_an_event_loop_is_refused_too() -> None:
    with pytest.raises(NetworkRefused):
        await asyncio.open_connection("192.0.2.1", 80)


def test_a_name_is_not_looked_up() -> None:
    with pytest.raises(NetworkRefused):
        socket.getaddrinfo("example.org", 80)


def test_loopback_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


@pytest.mark.django_db
def test_the_database_is_a_postgresql_18_with_pgvector() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION vector")
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000, '[1,2]'::vector <-> '[1,4]'::vector")
        assert cursor.fetchone() == (18, 2.0)


def test_the_cache_is_there_without_a_database(servers: None) -> None:
    cache.set("key", "value")
    assert cache.get("key") == "value"
