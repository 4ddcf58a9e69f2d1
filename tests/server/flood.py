"""A server as a process of its own: its application sends to every socket (but /quiet) and to every stream as fast as
it may, and tells at /sent how many bytes it got rid of. `python -m tests.server.flood DESCRIPTOR`."""

import asyncio
import socket
import sys
from typing import Any

from gathering_site import server

CHUNK = "x" * 16384
sent = {"bytes": 0}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/quiet":
            await wait_for_end(receive)
            return
        await flood(send, lambda: {"type": "websocket.send", "text": CHUNK}, receive)
    elif scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await flood(send, lambda: {"type": "http.response.body", "body": CHUNK.encode(), "more_body": True}, receive)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(sent["bytes"]).encode()})


async def flood(send: Any, message: Any, receive: Any) -> None:
    sent["bytes"] = 0
    leaving = asyncio.ensure_future(wait_for_end(receive))
    while not leaving.done():
        await send(message())
        sent["bytes"] += len(CHUNK)
        await asyncio.sleep(0)
    sent["bytes"] = -1


async def wait_for_end(receive: Any) -> None:
    while not (await receive())["type"].endswith("disconnect"):
        pass


if __name__ == "__main__":
    server.STALL = float(sys.argv[2])
    server.Server(application, socket.socket(fileno=int(sys.argv[1]))).run()
