"""The socket face of a topic. Close codes: 4400 the request cannot be served, 4401 the token or session does not hold
any more, 4404 the topic is not the user's to read any more, 4008 the client was too slow, 4500 the server failed, 1009
a frame was too big. After 4008 and 4500 a client comes back with `after` set to the last number it has.

A client applies a delta as `seen = seen[:offset] + text`, offsets counted in code points, and ignores deltas of a
message that it knows to be complete."""

import asyncio
import logging
from typing import Any

import msgspec
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import QueryDict

from gathering_site.common.errors import DomainError, InvalidInput, NotFound
from gathering_site.common.threads import in_database
from gathering_site.events.admission import admit, parse_number
from gathering_site.events.frames import encode
from gathering_site.events.reader import Close, Reader, StreamEnded

logger = logging.getLogger(__name__)


class EventConsumer(AsyncWebsocketConsumer):
    """`/ws/<prefix>/<identifier>?after=N`: the topic's frames to the client, and the client's commands. Without `after`
    the stream begins with what comes from now on."""

    channel_layer_alias = None  # What comes in comes from the hub.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reader: Reader | None = None
        self.streaming: asyncio.Task[None] | None = None
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.streaming:
                self.streaming.cancel()
            if self.reader:
                self.reader.leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without the base class's hop to the one shared thread for each message: this consumer holds no connection."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        subprotocol = self.scope.get("subprotocol")
        try:
            self.reader = await in_database(self.admit)
        except NotFound as error:
            raise DenyConnection from error
        except InvalidInput as error:
            await self.accept(subprotocol)
            await self.answer_error(error.message)
            await self.close(Close.BAD_REQUEST)
            return
        await self.reader.join()
        await self.accept(subprotocol)
        self.streaming = asyncio.create_task(self.stream(self.reader))

    def admit(self) -> Reader:
        route = self.scope["url_route"]["kwargs"]
        query = QueryDict(self.scope["query_string"])
        return admit(
            login=self.scope["login"],
            prefix=route["prefix"],
            identifier=int(route["identifier"]),
            after=parse_number(query.get("after")),
        )

    async def stream(self, reader: Reader) -> None:
        """Sends what the reader gives, all that has come in since the last time at once."""
        try:
            while True:
                for frame in await reader.read():
                    await self.base_send({"type": "websocket.send", "text": frame.text})
        except StreamEnded as end:
            await self.close(end.code)
        except Exception:
            logger.exception("The stream of %s failed", reader.topic)
            await self.close(Close.FAILED)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame of the client's; the next one waits until it is answered."""
        identifier = None
        try:
            frame = parse_frame(text_data)
            identifier = frame.get("id")
            await self.obey(frame, identifier)
        except DomainError as error:
            await self.answer_error(error.message, identifier)
        except StreamEnded as end:
            await self.close(end.code)
        except Exception:
            logger.exception("A frame from a client failed")
            await self.answer_error("Something unexpected went wrong; the server's log has it.", identifier)

    async def obey(self, frame: dict[str, Any], identifier: str | int | None) -> None:
        if frame["type"] == "ping":
            await self.answer("pong", identifier)
            return
        reader = self.reader
        command = reader.kind.commands.get(frame["type"]) if reader else None
        if reader is None or command is None:
            raise InvalidInput(f"There is no frame of type {frame['type'][:30]!r} here.")

        def carry_out() -> dict[str, Any]:
            return command(user=reader.check_access(), identifier=reader.identifier, frame=frame)

        result = await in_database(carry_out)
        await self.answer("ack", identifier, result=result)

    async def answer(self, type: str, identifier: str | int | None, **content: Any) -> None:
        """A frame to this client alone; it carries the id that the client gave."""
        given = {} if identifier is None else {"id": identifier}
        await self.send(encode({"type": type, **given, **content}))

    async def answer_error(self, sentence: str, identifier: str | int | None = None) -> None:
        await self.answer("error", identifier, error=sentence)


def parse_frame(text: str | None) -> dict[str, Any]:
    """What a client sent: an object with a `type` and perhaps an `id`. Raises InvalidInput."""
    try:
        frame = msgspec.json.decode(text or "", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput("A frame must be a JSON object in text.") from error
    if not isinstance(frame.get("type"), str):
        raise InvalidInput("A frame needs a type: send, stop or ping.")
    if not isinstance(frame.get("id"), str | int | None) or len(str(frame.get("id"))) > 200:
        raise InvalidInput("The id of a frame must be a number or a text of at most 200 characters.")
    return frame


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """A socket at a path where there is none: it does not open."""
    await receive()
    await send({"type": "websocket.close"})
