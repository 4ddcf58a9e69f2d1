"""The same streams as server-sent events."""

from collections.abc import AsyncIterator, Callable

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from gathering_site.common.models import Token, User
from gathering_site.common.socket_auth import Login
from gathering_site.common.tokens import valid_tokens
from gathering_site.events.admission import admit, parse_number
from gathering_site.events.frames import Frame
from gathering_site.events.reader import Reader, StreamEnded

EVENT = 'id: 3\nevent: message.created\ndata: {"topic":"conversations/12","number":3,"kind":"message.created"}\n\n'
EVENT_STREAM = OpenApiResponse(OpenApiTypes.STR, examples=[OpenApiExample("An event", EVENT)])

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment keeps proxies from closing the stream."""


class EventStreamResponse(StreamingHttpResponse):
    """Gives the server the stream itself to iterate and to close. Django's own wrapping of it would leave it open when
    the client goes, and with it its place at the hub."""

    def __init__(self, frames: AsyncIterator[bytes]) -> None:
        super().__init__(frames, content_type="text/event-stream")
        self.frames = frames
        self["Cache-Control"] = "no-cache"
        self["X-Accel-Buffering"] = "no"

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.frames


def event_stream_response(
    user: User,
    prefix: str,
    identifier: int,
    *,
    after: str | None = None,
    last_event_id: str | None = None,
    token: Token | None = None,
) -> EventStreamResponse:
    """The topic's frames as server-sent events: after `last_event_id` (the `Last-Event-ID` header), else after the
    number `after`, else from now on. With `token`, the one the request came with, the stream ends when it does. Queries
    the database: call it in a thread. Raises NotFound and InvalidInput."""
    text, field = (last_event_id, "Last-Event-ID") if last_event_id else (after, "after")
    number = parse_number(text, field=field)
    reader = admit(login=login_of(user, token), prefix=prefix, identifier=identifier, after=number, field=field)
    return EventStreamResponse(stream(reader))


def login_of(user: User, token: Token | None) -> Login:
    """Looks up the user anew, through the token if there is one."""

    def look_up() -> User | None:
        if token is None:
            return User.objects.filter(pk=user.pk, is_active=True).first()
        valid = valid_tokens().filter(pk=token.pk).first()
        return valid.user if valid else None

    return look_up


async def stream(reader: Reader, *, ends_with: Callable[[Frame], bool] = lambda frame: False) -> AsyncIterator[bytes]:
    """The reader's frames, to the first that it `ends_with`. Ends also when the reader's access does, or when it is too
    slow: it then comes back with `Last-Event-ID`."""
    try:
        await reader.join()
        # The first bytes tell the client at once that the stream is open.
        yield b": open\n\n"
        while True:
            frames = await reader.read(KEEP_ALIVE)
            lines = []
            for frame in frames:
                number = "" if frame.number is None else f"id: {frame.number}\n"
                lines.append(f"{number}event: {frame.kind}\ndata: {frame.text}\n\n")
            yield "".join(lines).encode() or b": keep-alive\n\n"
            if any(ends_with(frame) for frame in frames):
                return
    except StreamEnded:
        return
    finally:
        reader.leave()


class Streaming:
    """For a view set whose things have topics: `GET …/{id}/events`. `topic` is their prefix."""

    topic: str

    @extend_schema(
        summary="Stream the events as server-sent events",
        description="`id:` is the event's number, `event:` its kind, `data:` the frame.",
        parameters=[
            OpenApiParameter("after", int, description="What is after this number; from now on if not given."),
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER, description="Wins over `after`."),
        ],
        responses={(200, "text/event-stream"): EVENT_STREAM},
        filters=False,
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def events(self, request: Request, pk: int) -> HttpResponseBase:
        response = event_stream_response(
            request.user,
            self.topic,
            self.kwargs["pk"],
            after=request.query_params.get("after"),
            last_event_id=request.headers.get("Last-Event-ID"),
            token=request.auth,
        )
        return HttpResponse(headers=response.headers) if request.method == "HEAD" else response
