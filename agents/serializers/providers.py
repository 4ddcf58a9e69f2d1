from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from agents.models import Provider
from gathering_site.common.serializers import StrictModelSerializer, StrictSerializer, TextField

GIVEN = {
    "name": "Office",
    "kind": "openai",
    "base_url": "https://models.example.org/v1",
    "allow_private": False,
    "settings": {"top_p": 0.9},
}
PROVIDER = {
    "id": 3,
    **GIVEN,
    "has_key": True,
    "owner": None,
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:00Z",
}


@extend_schema_serializer(
    examples=[
        OpenApiExample("A provider", PROVIDER, response_only=True),
        OpenApiExample("With its key", GIVEN | {"api_key": "sk-…"}, request_only=True),
    ]
)
class ProviderSerializer(StrictModelSerializer):
    name = TextField(max_length=100, help_text="Unique among its owner's, in any case; what agents name it by.")
    base_url = TextField(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="Where it is reached; empty for the kind's usual address. Never a link-local or metadata address.",
    )
    api_key = TextField(
        write_only=True,
        required=False,
        allow_blank=True,
        help_text="Kept encrypted and never shown. To be given again with another base_url or kind; empty removes it.",
    )
    has_key = serializers.BooleanField(read_only=True)
    allow_private = serializers.BooleanField(
        required=False,
        help_text="May be reached at loopback and private addresses: an administrator's to set. An ollama has it.",
    )
    settings = serializers.DictField(
        required=False, help_text="Options for every request, such as top_p, num_ctx or keep_alive."
    )

    class Meta:
        model = Provider
        fields = ("id", *GIVEN, "api_key", "has_key", "owner", "created_at", "updated_at")
        read_only_fields = ("id", "owner", "created_at", "updated_at")
        extra_kwargs = {"kind": {"help_text": "Which protocol it speaks."}}
        validators: list[Any] = []

    def to_representation(self, instance: Provider) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "name": instance.name,
            "kind": instance.kind,
            "base_url": instance.base_url,
            "allow_private": instance.allow_private,
            "settings": instance.settings,
            "has_key": instance.has_key,
            "owner": instance.owner_id,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
        }


@extend_schema_serializer(examples=[OpenApiExample("A model", {"model": "gpt-4.1-mini"})])
class ProviderTestSerializer(StrictSerializer):
    model = TextField(
        max_length=200, required=False, help_text="Else one that an agent uses with it, or one of its list."
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample("It answers", {"ok": True, "model": "gpt-4.1-mini", "seconds": 0.8, "text": "Hello"}),
        OpenApiExample(
            "It does not",
            {"ok": False, "model": "gpt-4.1-mini", "seconds": 0.1, "error": "Office refuses its API key (401)."},
        ),
    ]
)
class TestOutcomeSerializer(serializers.Serializer):
    ok = serializers.BooleanField()
    model = serializers.CharField(help_text="Which one was asked; empty where it did not come to that.")
    seconds = serializers.FloatField()
    text = serializers.CharField(required=False, help_text="What the model said.")
    error = serializers.CharField(required=False, help_text="Why there is no answer, and what to do.")
