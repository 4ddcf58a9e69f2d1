"""Many sockets of one client, as cheap as can be, so that the server is what is measured: frames are counted, not
read."""

import asyncio
import base64
import os
import time


class FrameCounter(asyncio.Protocol):
    """One socket: opens itself, then counts the text frames it is sent. `code` is the close code it was given."""

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        self.path = path
        self.headers = headers
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.frames = 0
        self.code: int | None = None
        self.delays: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        lines = {
            "Host": "127.0.0.1",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        } | self.headers
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        transport.write(f"GET {self.path} HTTP/1.1\r\n{head}\r\n".encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data if self.buffer else data
        if not self.opened.done():
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            assert b" 101 " in head, head
            self.opened.set_result(None)
        start = 0
        while len(buffer) - start >= 2:
            opcode, length, body = buffer[start] & 15, buffer[start + 1], start + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length, body = int.from_bytes(buffer[body : body + size], "big"), body + size
            if len(buffer) < body + length:
                break
            if opcode == 1:
                self.frames += 1
                sent = buffer.find(b'"sent":', body, body + length)
                if sent >= 0:
                    self.delays.append(time.time() - float(buffer[sent + 7 : buffer.index(b"}", sent)]))
            elif opcode == 8:
                self.code = int.from_bytes(buffer[body : body + 2], "big")
            start = body + length
        self.buffer = buffer[start:]
