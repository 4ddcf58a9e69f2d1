"""daphne, with back-pressure: it takes all that an application sends, also for a peer that does not read. Here `send`
waits while a connection holds too much, so that the application finds out and can drop it."""

import asyncio
import socket
from typing import Any

from daphne import server as daphne  # Installs the asyncio reactor, before anything else of Twisted is loaded.
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import tcp

from gathering_site.environment import tell_ready
from gathering_site.events.frames import LARGEST_FRAME
from gathering_site.websocket import SocketProtocol

MOST_UNSENT = 256 * 1024
"""Bytes that a connection may hold before `send` waits …"""
FEW_UNSENT = 64 * 1024
"""… until it holds no more than this."""
STALL = 60.0
"""Seconds that `send` waits for a peer that takes nothing before its connection is ended."""
GOING_AWAY = 1001
"""The close code of a server that stops; the client comes back by number."""


class Transport(tcp.Server):
    """A connection that wakes those who wait for it to become lighter, or to be lost."""

    lighter: asyncio.Event | None = None

    @property
    def unsent(self) -> int:
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    async def wait_until_light(self) -> None:
        self.lighter = self.lighter or asyncio.Event()
        try:
            await asyncio.wait_for(self.lighter.wait(), STALL)
        except TimeoutError:
            self.abortConnection()

    def wake(self) -> None:
        if self.lighter:
            self.lighter.set()
            self.lighter = None

    def doWrite(self) -> Any:
        result = super().doWrite()
        if self.lighter and self.unsent <= FEW_UNSENT:
            self.wake()
        return result

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        self.wake()


class Port(tcp.Port):
    transport = Transport


class Server(daphne.Server):
    """Serves an ASGI application on a socket that listens already, until SIGTERM or SIGINT."""

    connections: dict[Any, dict[str, Any]]

    def __init__(self, application: Any, listening: socket.socket, **options: Any) -> None:
        super().__init__(
            application,
            endpoints=["a socket"],
            ready_callable=self.listen,
            server_name="gathering",
            websocket_max_message_size=LARGEST_FRAME,
            websocket_max_frame_size=LARGEST_FRAME,
            **options,
        )
        # daphne asks for descriptions of endpoints, and opens them; ours is open.
        self.endpoints: list[str] = []
        self.listening = listening

    def listen(self) -> None:
        # A peer that breaks a rule is told its code before it loses the connection.
        self.ws_factory.setProtocolOptions(failByDrop=False)
        self.ws_factory.protocol = SocketProtocol
        self.listening.setblocking(False)
        Port._fromListeningDescriptor(
            daphne.reactor, self.listening.fileno(), self.listening.family, self.http_factory
        ).startListening()
        tell_ready()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        transport = protocol.transport
        if not isinstance(transport, Transport) or transport.unsent <= MOST_UNSENT or not transport.connected:
            return
        # What ends a response or a socket does not wait: nothing comes after it.
        if message["type"] == "websocket.send" or message.get("more_body"):
            await transport.wait_until_light()

    def kill_all_applications(self) -> Any:
        # daphne looks for an application in every connection, and some have none (any more).
        self.connections = {key: value for key, value in self.connections.items() if "application_instance" in value}
        for protocol in self.connections:
            if isinstance(protocol, WebSocketProtocol) and protocol.state == protocol.STATE_OPEN:
                protocol.sendCloseFrame(code=GOING_AWAY)
        return super().kill_all_applications()
