from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from agents.serializers import RUN, RunSerializer
from conversations.choices import ConversationStatus, MessageState
from conversations.events import conversation_data, message_data
from conversations.models import Conversation, Message
from gathering_site.common.pagination import LARGEST_ID
from gathering_site.common.serializers import StrictModelSerializer, StrictSerializer, TextField

CONVERSATION = {
    "id": 12,
    "title": "Primes",
    "status": "active",
    "visibility": "private",
    "owner": 1,
    "agents": [7],
    "circle": None,
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:00Z",
}
MESSAGE = {
    "id": 31,
    "conversation": 12,
    "author": {"kind": "user", "id": 1, "name": "alice"},
    "text": "How many primes are there?",
    "state": "complete",
    "run": None,
    "created_at": "2026-01-01T12:00:00Z",
}
ANSWER = MESSAGE | {
    "id": 32,
    "author": {"kind": "agent", "id": 7, "name": "Ada"},
    "text": "Infinitely many.",
    "run": 40,
}


UNANSWERED = {
    "conversation": 12,
    "message": MESSAGE,
    "answer": None,
    "run": RUN | {"state": "queued", "usage": {}, "cost": None, "started_at": None, "finished_at": None},
}


class IdField(serializers.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ID, **options)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_serializer(examples=[OpenApiExample("A conversation", CONVERSATION)])
class ConversationSerializer(StrictModelSerializer):
    title = TextField(max_length=200, required=False, allow_blank=True)
    status = serializers.ChoiceField(ConversationStatus.choices, required=False)
    agents = serializers.ListField(
        child=IdField(), max_length=50, required=False, help_text="Ids of those who take part, in their order."
    )
    circle = IdField(required=False, allow_null=True, help_text="The circle it belongs to, if any.")

    class Meta:
        model = Conversation
        fields = tuple(CONVERSATION)
        read_only_fields = ("id", "owner", "created_at", "updated_at")
        extra_kwargs = {"visibility": {"help_text": "Private to its owner, or shared with everyone on the server."}}

    def validate_circle(self, circle: int | None) -> None:
        if circle is not None:
            raise serializers.ValidationError(f"There is no circle {circle}.", code="not_found")

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        values.pop("circle", None)
        return values

    def to_representation(self, instance: Conversation) -> dict[str, Any]:
        return conversation_data(instance)


class AuthorSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(["agent", "user"])
    id = serializers.IntegerField()
    name = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("An answer", ANSWER)])
class MessageSerializer(serializers.ModelSerializer):
    author = AuthorSerializer()
    state = serializers.ChoiceField(MessageState.choices)

    class Meta:
        model = Message
        fields = tuple(MESSAGE)

    def to_representation(self, instance: Message) -> dict[str, Any]:
        return message_data(instance)


@extend_schema_serializer(examples=[OpenApiExample("A message", {"text": "How many primes are there?"})])
class PostMessageSerializer(StrictSerializer):
    text = TextField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Posted", {"message": MESSAGE, "runs": [RUN | {"state": "queued", "usage": {}, "cost": None}]})
    ]
)
class PostedSerializer(serializers.Serializer):
    message = MessageSerializer()
    runs = RunSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A question", {"message": "How many primes are there?"})])
class ChatSerializer(StrictSerializer):
    message = TextField(help_text="What you say.")
    conversation = IdField(required=False, allow_null=True, help_text="Goes on with this one; else opens a new one.")
    stream = serializers.BooleanField(required=False, default=False, help_text="Answer as server-sent events.")


@extend_schema_serializer(
    examples=[OpenApiExample("Answered", {"conversation": 12, "message": MESSAGE, "answer": ANSWER, "run": RUN})]
)
class ChatAnswerSerializer(serializers.Serializer):
    conversation = serializers.IntegerField()
    message = MessageSerializer(help_text="What you said.")
    answer = MessageSerializer(allow_null=True, help_text="null while the run goes on.")
    run = RunSerializer()
