"""daphne's WebSocket protocol, cheap enough for many readers of one topic: a text that goes to all of them is made a
frame once. (autobahn makes one a socket, and formats a line for a log that is off while it does.)"""

import struct
from functools import lru_cache

from daphne.ws_protocol import WebSocketProtocol

FINAL_TEXT = 0x81


@lru_cache(maxsize=64)
def text_frame(text: str) -> bytes:
    """The text as one unmasked frame, see RFC 6455, section 5.2."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", FINAL_TEXT, size)
    elif size < 2**16:
        head = struct.pack("!BBH", FINAL_TEXT, 126, size)
    else:
        head = struct.pack("!BBQ", FINAL_TEXT, 127, size)
    return head + payload


class SocketProtocol(WebSocketProtocol):
    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        if binary or self.state != self.STATE_OPEN:
            super().serverSend(content, binary)
        else:
            self.transport.write(text_frame(content))

    def serverClose(self, code: int | None = None) -> None:
        """Also with a code of the standard's own, such as 1009, which autobahn keeps from applications."""
        self.sendCloseFrame(code=1000 if code is None else code)
