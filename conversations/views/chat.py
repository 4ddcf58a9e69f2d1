"""`POST /agents/{id}/chat`: the question is stored and its run queued in a thread, the answer is waited for on the
event loop."""

import asyncio
from typing import Any

import msgspec
from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.events import RUN_FINISHED
from agents.models import Agent, Run
from conversations.models import Conversation, Message
from conversations.serializers import UNANSWERED, ChatAnswerSerializer, ChatSerializer
from conversations.services.chat import chat, chat_data
from gathering_site.common.errors import InvalidInput
from gathering_site.common.later import LaterResponse
from gathering_site.common.threads import in_database
from gathering_site.common.views import ResourceViewSet
from gathering_site.events.admission import admit
from gathering_site.events.frames import Frame
from gathering_site.events.reader import Reader, StreamEnded
from gathering_site.events.views import EVENT_STREAM, EventStreamResponse, login_of, stream


class ChatViewSet(ResourceViewSet):
    queryset = Agent.objects.all()
    serializer_class = ChatSerializer

    @extend_schema(
        summary="Ask an agent",
        description="Waits for the answer: 200 with it, or 202 while the run goes on after a minute. With `stream` the "
        "conversation's events from the question to the run's end, as server-sent events.",
        responses={
            (200, "application/json"): ChatAnswerSerializer,
            (200, "text/event-stream"): EVENT_STREAM,
            202: OpenApiResponse(ChatAnswerSerializer, examples=[OpenApiExample("The run goes on", UNANSWERED)]),
        },
    )
    def create(self, request: Request, pk: int) -> Response | StreamingHttpResponse:
        agent = self.get_object()
        body = self.read_body(ChatSerializer)
        conversation = None
        if body.get("conversation"):
            conversation = self.find(Conversation.objects.visible_to(request.user), pk=body["conversation"])
        try:
            said = chat(actor=self.actor, agent=agent, text=body["message"], conversation=conversation)
        except InvalidInput as error:
            if error.field == "text":
                error.field = "message"  # As it is called here.
            raise
        return self.answer_again({**chat_data(message=said.message, run=said.run), "number": said.number}, 202)

    def answer_again(self, data: Any, status: int) -> Response | StreamingHttpResponse:
        """The answer to a stored question, the first time and again. `data["number"]` is the last event before it."""
        request = self.request
        login = login_of(request.user, request.auth)
        reader = admit(login=login, prefix="conversations", identifier=data["conversation"], after=data["number"])
        run = data["run"]["id"]
        if request.data.get("stream"):
            response = EventStreamResponse(stream(reader, ends_with=lambda frame: finishes(frame, run)))
            response.data = data
            return response
        return LaterResponse(data, wait=lambda: wait_for_answer(reader, data))


class FinishedRun(msgspec.Struct):
    id: int


class FinishedData(msgspec.Struct):
    run: FinishedRun


class Finished(msgspec.Struct):
    data: FinishedData


def finishes(frame: Frame, run: int) -> bool:
    return frame.kind == RUN_FINISHED and msgspec.json.decode(frame.text, type=Finished).data.run.id == run


async def wait_for_answer(reader: Reader, data: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """What became of the question, 200; or, when the wait was too long, how far it is, 202."""
    run, status = data["run"]["id"], 202
    try:
        await reader.join()
        async with asyncio.timeout(settings.CHAT_PATIENCE_SECONDS):
            while not any(finishes(frame, run) for frame in await reader.read()):
                pass
        status = 200
    except (TimeoutError, StreamEnded):
        pass
    finally:
        reader.leave()
    return await in_database(read_chat, message=data["message"]["id"], run=run), status


def read_chat(message: int, run: int) -> dict[str, Any]:
    question = Message.objects.select_related("agent", "user").get(pk=message)
    return chat_data(message=question, run=Run.objects.get(pk=run))
