"""The socket face, up to the door: who gets in, and what each frame of a client does."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.utils import timezone

from gathering_site.common.models import Token
from gathering_site.common.socket_auth import SocketAuth
from gathering_site.common.tokens import create_token
from gathering_site.events import hub
from gathering_site.events.routing import websocket_urlpatterns
from tests.events.conftest import said


class Socket(WebsocketCommunicator):
    """Channels' communicator keeps threads from giving their connections back while it waits, which would use up the
    pool."""

    send_input = ApplicationCommunicator.send_input
    receive_output = ApplicationCommunicator.receive_output


application = SocketAuth(URLRouter(websocket_urlpatterns))


@pytest.fixture
def token(rooms, alice) -> str:
    return create_token(user=alice)


@pytest.fixture
async def connect():
    """Opens a socket with these headers; gives it with whether it opened and the subprotocol."""
    sockets = []

    async def open(path: str = "/ws/rooms/1", *, headers: dict[str, str] | None = None, subprotocols=None) -> Any:
        given = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        socket = Socket(application, path, given, subprotocols)
        sockets.append(socket)
        opened, subprotocol = await socket.connect(timeout=5)
        return socket, opened, subprotocol

    yield open
    for socket in sockets:
        await socket.disconnect()


@pytest.fixture
async def socket(connect, token):
    socket, opened, _ = await connect(headers=bearer(token))
    assert opened
    return socket


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def receive(socket: Socket) -> dict[str, Any]:
    return json.loads(await socket.receive_from(timeout=5))


async def close_code(socket: Socket) -> int:
    message = await socket.receive_output(timeout=5)
    assert message["type"] == "websocket.close"
    return message["code"]


@pytest.fixture
def restarted_database(token) -> Iterator[None]:
    """All connections that wait in the pool have been ended by the database."""
    pool = connection.pool
    with ExitStack() as held, connection.cursor() as cursor:
        waiting = [held.enter_context(pool.connection()) for _ in range(pool.get_stats()["pool_available"] or 1)]
        cursor.execute(
            "SELECT bool_and(pg_terminate_backend(process, 5000)) FROM unnest(%s) AS process",
            [[each.info.backend_pid for each in waiting]],
        )
        assert cursor.fetchone() == (True,)
    yield
    pool.check()


# Who gets in


async def test_a_socket_with_a_token_opens(connect, token):
    assert (await connect(headers=bearer(token)))[1]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic YTpi"}])
async def test_a_socket_without_a_valid_token_does_not_open(connect, token, headers):
    assert not (await connect(headers=headers))[1]


async def test_a_socket_opens_and_carries_commands_when_the_database_was_restarted(restarted_database, connect, token):
    socket, opened, _ = await connect("/ws/rooms/1?after=0", headers=bearer(token))
    assert opened
    await socket.send_to(text_data='{"type":"send","text":"hello"}')
    assert (await receive(socket))["type"] == "ack"


async def test_a_token_of_another_scheme_is_not_looked_at(connect, token):
    assert not (await connect(headers={"authorization": f"Basic {token}"}))[1]


@pytest.mark.parametrize("change", ["expired", "revoked", "inactive"])
async def test_a_token_that_does_not_hold_any_more_opens_nothing(connect, token, alice, change):
    def make_it_so() -> None:
        if change == "expired":
            Token.objects.update(expiry=timezone.now() - timedelta(seconds=1))
        elif change == "revoked":
            Token.objects.all().delete()
        else:
            alice.is_active = False
            alice.save()

    await database_sync_to_async(make_it_so, thread_sensitive=False)()
    assert not (await connect(headers=bearer(token)))[1]


async def test_the_token_may_come_as_a_subprotocol_which_is_answered(connect, token):
    _, opened, subprotocol = await connect(subprotocols=[f"bearer.{token}"])
    assert opened and subprotocol == f"bearer.{token}"


async def test_of_the_subprotocols_offered_the_one_that_is_no_secret_is_answered(connect, token):
    _, opened, subprotocol = await connect(subprotocols=[f"bearer.{token}", "gathering"])
    assert opened and subprotocol == "gathering"


async def test_a_bad_header_is_not_made_good_by_a_subprotocol(connect, token):
    assert not (await connect(headers=bearer("nonsense"), subprotocols=[f"bearer.{token}"]))[1]


@pytest.fixture
def cookie(rooms, alice) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(alice.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = alice.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


@pytest.mark.parametrize(
    ("origin", "host", "opens"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("https://LOCALHOST", "localhost", True),
        ("http://evil.example", "localhost:8000", False),
        ("http://localhost:9000", "localhost:8000", False),
        ("http://localhost:8000.evil.example", "localhost:8000", False),
        ("http://evil.example", "evil.example", False),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        (None, "localhost:8000", False),
    ],
)
async def test_a_cookie_counts_only_from_a_page_of_this_very_host(connect, cookie, origin, host, opens):
    headers = {"cookie": cookie, "host": host} | ({} if origin is None else {"origin": origin})
    assert (await connect(headers=headers))[1] is opens


async def test_a_session_ends_with_a_changed_password(connect, cookie, alice):
    alice.set_password("another one")
    await database_sync_to_async(alice.save, thread_sensitive=False)()
    headers = {"cookie": cookie, "host": "localhost", "origin": "http://localhost"}
    assert not (await connect(headers=headers))[1]


@pytest.mark.parametrize("path", ["/ws/caves/1", "/ws/rooms", "/ws/rooms/x", "/ws/rooms/1/2", "/", "/ws/rooms/-1"])
async def test_a_path_without_a_stream_is_refused_without_noise(connect, token, path, caplog):
    assert not (await connect(path, headers=bearer(token)))[1]
    assert not caplog.records


async def test_a_topic_that_the_user_may_not_see_is_refused(connect, token, rooms):
    rooms.hidden_from.add("alice")
    assert not (await connect(headers=bearer(token)))[1]


# What it carries


async def test_the_socket_gives_the_log_after_a_number_and_then_what_comes(connect, token):
    for text in ("one", "two"):
        await said(text)
    socket, _, _ = await connect("/ws/rooms/1?after=1", headers=bearer(token))
    await said("three")
    frames = [await receive(socket) for _ in range(2)]
    assert [(frame["number"], frame["data"]["text"]) for frame in frames] == [(2, "two"), (3, "three")]


@pytest.mark.parametrize("after", ["1", "-1", "x"])
async def test_a_number_that_cannot_be_served_is_answered_with_a_sentence(connect, token, after):
    socket, opened, _ = await connect(f"/ws/rooms/1?after={after}", headers=bearer(token))
    assert opened
    frame = await receive(socket)
    assert frame["type"] == "error" and "after" in frame["error"]
    assert await close_code(socket) == 4400


async def test_a_revoked_token_ends_the_stream(connect, token, monkeypatch):
    monkeypatch.setattr(hub, "CHECK", 0.02)
    socket, _, _ = await connect(headers=bearer(token))
    await database_sync_to_async(Token.objects.all().delete, thread_sensitive=False)()
    assert await close_code(socket) == 4401


async def test_a_revoked_token_sends_nothing_more(socket, rooms):
    await database_sync_to_async(Token.objects.all().delete, thread_sensitive=False)()
    await socket.send_to(text_data='{"type":"send","text":"hello"}')
    assert await close_code(socket) == 4401
    assert rooms.sent == []


# What a client may say


@pytest.mark.parametrize("id", ["a-1", 7])
async def test_what_is_sent_is_acknowledged_with_its_id_and_the_result(socket, rooms, id):
    await socket.send_to(text_data=json.dumps({"type": "send", "text": "hello", "id": id}))
    assert await receive(socket) == {"type": "ack", "id": id, "result": {"place": 1}}
    assert rooms.sent == [{"user": "alice", "room": 1, "text": "hello"}]


async def test_frames_are_answered_in_their_order(socket):
    for number in range(5):
        await socket.send_to(text_data=json.dumps({"type": "send", "text": "hello", "id": number}))
    await socket.send_to(text_data='{"type":"ping","id":"last"}')
    answers = [await receive(socket) for _ in range(6)]
    assert [answer["id"] for answer in answers] == [0, 1, 2, 3, 4, "last"]
    assert answers[-1] == {"type": "pong", "id": "last"}


async def test_a_rule_that_was_broken_is_answered_and_the_socket_stays_open(socket):
    await socket.send_to(text_data='{"type":"stop","id":"s"}')
    assert await receive(socket) == {"type": "error", "id": "s", "error": "Nothing is being written."}
    await socket.send_to(text_data='{"type":"ping"}')
    assert await receive(socket) == {"type": "pong"}


@pytest.mark.parametrize(
    "nonsense",
    [
        "not json",
        "[]",
        "7",
        "{}",
        '{"type": 7}',
        '{"type": "dance"}',
        '{"type": "send"}',
        '{"type": "send", "text": 7}',
        '{"type": "ping", "id": {}}',
        '{"type": "ping", "id": "' + "x" * 201 + '"}',
        "[" * 60_000,
        b"\x00\x01",
    ],
    ids=lambda nonsense: repr(nonsense)[:30],
)
async def test_nonsense_is_answered_with_an_error_and_the_socket_stays_open(socket, nonsense, caplog):
    if isinstance(nonsense, bytes):
        await socket.send_to(bytes_data=nonsense)
    else:
        await socket.send_to(text_data=nonsense)
    answer = await receive(socket)
    assert answer["type"] == "error" and answer["error"].endswith(".")
    await socket.send_to(text_data='{"type":"ping"}')
    assert await receive(socket) == {"type": "pong"}
    assert not caplog.records


async def test_what_goes_wrong_inside_is_logged_and_not_told(socket, caplog):
    await socket.send_to(text_data='{"type":"break","id":1}')
    answer = await receive(socket)
    assert (answer["type"], answer["id"]) == ("error", 1)
    assert "secret detail" not in answer["error"] and "secret detail" in caplog.text


async def test_a_closed_socket_leaves_the_hub(connect, token):
    socket, _, _ = await connect(headers=bearer(token))
    [channel] = hub.hub().channels.values()
    assert len(channel.readers) == 1
    await socket.disconnect()
    assert not channel.readers
