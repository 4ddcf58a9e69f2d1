"""The same through daphne, on a port, with a client that knows nothing of this project."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from channels.db import database_sync_to_async
from django.db import connection, transaction
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gathering_site.common.tokens import create_token
from gathering_site.events.redis_client import channel_of, client
from gathering_site.events.services import emit
from gathering_site.listening import listen, url
from tests.events.conftest import said

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def server(transactional_db: None) -> Iterator[str]:
    """The address of a server that shares this test's database."""
    database = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    }
    with listen("127.0.0.1", 0) as listening:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.events.serve_rooms", str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env=environment,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        yield url(listening)
    process.terminate()
    _, noise = process.communicate(timeout=10)
    assert "Traceback" not in noise, noise


@pytest.fixture
def headers(alice) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_token(user=alice)}"}


def address(server: str, path: str = "/ws/rooms/1") -> str:
    return server.replace("http://", "ws://") + path


async def receive(socket: ClientConnection) -> dict:
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def test_replay_live_events_commands_and_errors_on_one_socket(server, headers):
    frame = await said("before")
    async with connect(address(server, "/ws/rooms/1?after=0"), additional_headers=headers) as socket:
        assert await asyncio.wait_for(socket.recv(), 10) == frame.text
        frame = await said("after")
        assert await asyncio.wait_for(socket.recv(), 10) == frame.text
        await socket.send('{"type":"send","text":"hello","id":"a"}')
        assert await receive(socket) == {"type": "ack", "id": "a", "result": {"place": 1}}
        for nonsense in ("", b"", b"\xff", "nonsense", '{"type":"dance"}'):
            await socket.send(nonsense)
            assert (await receive(socket))["type"] == "error"
        await socket.send('{"type":"ping"}')
        assert await receive(socket) == {"type": "pong"}


async def test_a_browser_s_ways_in(server, headers):
    token = headers["Authorization"].removeprefix("Bearer ")
    async with connect(address(server), subprotocols=["gathering", f"bearer.{token}"]) as socket:
        assert socket.subprotocol == "gathering"
    async with connect(address(server), subprotocols=[f"bearer.{token}"]) as socket:
        assert socket.subprotocol == f"bearer.{token}"


@pytest.mark.parametrize("path", ["/ws/rooms/1", "/ws/caves/1", "/ws/nowhere", "/"])
async def test_without_a_token_nothing_opens(server, path):
    with pytest.raises(InvalidStatus) as refused:
        await connect(address(server, path), origin="http://evil.example")
    assert refused.value.response.status_code == 403


async def test_a_frame_that_is_too_big_closes_the_socket_with_1009(server, headers):
    async with connect(address(server), additional_headers=headers) as socket:
        await socket.send("x" * 64 * 1024)
        assert (await receive(socket))["type"] == "error"
        await socket.send("x" * (64 * 1024 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
    assert closed.value.rcvd.code == 1009


async def test_the_server_may_send_larger_frames_than_a_client(server, headers):
    async with connect(address(server), additional_headers=headers) as socket:
        for size in (10, 200, 90_000):
            await said("ü" * size)
            assert (await receive(socket))["data"]["text"] == "ü" * size


async def taken_in() -> None:
    """Waits until the server has taken all that was pushed to it."""
    async with asyncio.timeout(20):
        while any(int(each["omem"]) for each in client().client_list(_type="pubsub")):
            await asyncio.sleep(0.01)


async def test_a_client_that_does_not_read_is_dropped_and_comes_back_by_number(server, headers):
    def flood() -> None:
        """Far more than the sockets' buffers take, in portions that Valkey's takes."""
        for _ in range(15):
            with transaction.atomic():
                for _ in range(200):
                    emit(topic="rooms/1", kind="room.said", data={"text": "x" * 10_000})

    numbers: list[int] = []

    async def read_all(after: int, last: int) -> int | None:
        options = {"additional_headers": headers, "max_queue": 1, "compression": None}
        async with connect(address(server, f"/ws/rooms/1?after={after}"), **options) as socket:
            if not last:
                await database_sync_to_async(flood, thread_sensitive=False)()
                await taken_in()
            try:
                while not numbers or numbers[-1] != last:
                    numbers.append((await receive(socket))["number"])
            except ConnectionClosed as closed:
                return closed.rcvd.code
        return None

    assert await read_all(after=0, last=0) == 4008
    assert len(numbers) < 3000
    assert await read_all(after=numbers[-1], last=3000) is None
    assert numbers == list(range(1, 3001))


async def test_server_sent_events_and_their_end(server, headers, talk):
    topic = f"conversations/{talk.pk}"
    path = f"{server}/conversations/{talk.pk}/events"
    async with httpx.AsyncClient(headers=headers, timeout=10) as http:
        await said("one", topic=topic)
        async with http.stream("GET", path, headers={"Last-Event-ID": "0"}) as response:
            assert response.headers["content-type"] == "text/event-stream"
            lines = response.aiter_lines()
            frame = await said("two", topic=topic)
            read = [await anext(lines) for _ in range(10)]
        assert read[:6] == [": open", "", "id: 1", "event: room.said", read[4], ""]
        assert read[6:10] == ["id: 2", "event: room.said", f"data: {frame.text}", ""]
        async with asyncio.timeout(5):
            while client().pubsub_numsub(channel_of(topic))[0][1]:
                await asyncio.sleep(0.1)
        refused = await http.get(path, headers={"Last-Event-ID": "9"})
        assert refused.status_code == 422 and "is number 2" in refused.json()["error"]
