"""An application that sends to a peer that does not read is held up, and goes on when the peer reads."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from gathering_site.listening import listen, url

BOUND = 8 * 2**20
"""More than the kernel buffers between two sockets of one machine, far less than an unbounded buffer takes in a
second."""
OPENINGS = {
    "stream": b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "socket": b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
}


class Flood:
    """Starts tests.server.flood and stops it."""

    def start(self, *, stall: float = 60) -> str:
        with listen("127.0.0.1", 0) as listening:
            command = [sys.executable, "-m", "tests.server.flood", str(listening.fileno()), str(stall)]
            self.process = subprocess.Popen(command, pass_fds=[listening.fileno()])
            return url(listening)

    def stop(self) -> int:
        """Its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return self.process.wait(5)


@pytest.fixture
def flood() -> Iterator[Flood]:
    flood = Flood()
    yield flood
    assert flood.stop() == 0, "it stops in good order, whatever is open"


def open_without_reading(address: str, opening: bytes) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", httpx.URL(address).port), timeout=5)
    peer.sendall(opening)
    return peer


def sent(address: str) -> int:
    return int(httpx.get(f"{address}/sent").text)


def sent_when_still(address: str) -> int:
    """How much was sent once it does not become more."""
    before, now = -1, 0
    while now < BOUND and (now != before or not now):
        time.sleep(0.2)
        before, now = now, sent(address)
    return now


@pytest.mark.parametrize("way", OPENINGS)
def test_send_waits_for_a_peer_that_does_not_read_and_goes_on_when_it_does(way: str, flood: Flood) -> None:
    address = flood.start()
    with open_without_reading(address, OPENINGS[way]) as peer:
        held = sent_when_still(address)
        assert held < BOUND
        received = 0
        while received < 2 * held:
            received += len(peer.recv(2**20))
        assert sent(address) > held


@pytest.mark.parametrize("way", OPENINGS)
def test_a_peer_that_stays_stuck_is_let_go(way: str, flood: Flood) -> None:
    address = flood.start(stall=0.3)
    with open_without_reading(address, OPENINGS[way]):
        give_up_at = time.monotonic() + 10
        while sent(address) != -1:
            assert time.monotonic() < give_up_at, "the application was never told that its peer is gone"
            time.sleep(0.05)


def test_a_frame_that_is_too_large_closes_the_socket_with_its_code(flood: Flood) -> None:
    with connect(flood.start().replace("http", "ws"), max_size=None) as peer, pytest.raises(ConnectionClosed) as closed:
        peer.send("x" * (64 * 1024 + 1))
        while True:
            peer.recv(5)
    assert closed.value.rcvd and closed.value.rcvd.code == 1009


def test_a_server_that_stops_tells_its_sockets(flood: Flood) -> None:
    with connect(f"{flood.start()}/quiet".replace("http", "ws")) as peer:
        flood.stop()
        with pytest.raises(ConnectionClosed) as closed:
            peer.recv(5)
    assert closed.value.rcvd and closed.value.rcvd.code == 1001
