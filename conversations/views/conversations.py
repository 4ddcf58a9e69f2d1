from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.events import run_data
from conversations.events import message_data
from conversations.filters import ConversationFilters
from conversations.models import Conversation
from conversations.serializers import (
    ConversationSerializer,
    MessageSerializer,
    PostedSerializer,
    PostMessageSerializer,
)
from conversations.services.conversations import archive_conversation, create_conversation, update_conversation
from conversations.services.messages import post_message, with_live_text
from gathering_site.common.pagination import LogPagination
from gathering_site.common.views import Reading, ResourceViewSet
from gathering_site.events.views import Streaming


@extend_schema_view(
    list=extend_schema(summary="List conversations"), retrieve=extend_schema(summary="Get a conversation")
)
class ConversationViewSet(Reading, Streaming, ResourceViewSet):
    queryset = Conversation.objects.with_agents().order_by("pk")
    serializer_class = ConversationSerializer
    filterset_class = ConversationFilters
    topic = "conversations"

    @extend_schema(summary="Open a conversation")
    def create(self, request: Request) -> Response:
        return self.show(create_conversation(actor=self.actor, **self.read_body(ConversationSerializer)), status=201)

    @extend_schema(summary="Change a conversation")
    def partial_update(self, request: Request, pk: int) -> Response:
        conversation = self.get_object()
        changes = self.read_body(ConversationSerializer, partial=True)
        return self.show(update_conversation(actor=self.actor, conversation=conversation, **changes))

    @extend_schema(summary="Archive a conversation", description="It stays readable; nobody can write in it.")
    def destroy(self, request: Request, pk: int) -> Response:
        archive_conversation(actor=self.actor, conversation=self.get_object())
        return Response(status=204)

    @extend_schema(summary="List a conversation's messages, newest last", responses=MessageSerializer(many=True))
    @action(detail=True, filterset_class=None, serializer_class=MessageSerializer, pagination_class=LogPagination)
    def messages(self, request: Request, pk: int) -> Response:
        messages = self.get_object().messages.select_related("agent", "user")
        return self.log_of(messages, prepare=with_live_text)

    @extend_schema(
        summary="Say something", request=PostMessageSerializer, responses={201: PostedSerializer}, filters=False
    )
    @messages.mapping.post
    def post_message(self, request: Request, pk: int) -> Response:
        conversation = self.get_object()
        text = self.read_body(PostMessageSerializer)["text"]
        message, runs = post_message(actor=self.actor, conversation=conversation, text=text)
        return Response({"message": message_data(message), "runs": [run_data(run) for run in runs]}, status=201)
