from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from agents.choices import ProviderKind
from agents.engine.settings import AgentSettings, Bounds
from agents.events import agent_data, revision_data
from agents.models import Agent, AgentRevision
from gathering_site.common.serializers import StrictModelSerializer, TextField

SETTINGS_SCHEMA, BOUNDS_SCHEMA = (
    msgspec.json.schema_components([kind], ref_template="{name}")[1][kind.__name__] for kind in (AgentSettings, Bounds)
)
SETTINGS_SCHEMA["properties"]["bounds"] = BOUNDS_SCHEMA

AGENT = {
    "id": 7,
    "name": "Ada",
    "role": "mathematician",
    "status": "active",
    "provider": "anthropic",
    "model": "claude-sonnet-4-20250514",
    "system_prompt": "Answer in one paragraph.",
    "persona": "You are calm and exact.",
    "traits": ["patient"],
    "settings": {"temperature": 0.2},
    "tags": ["science"],
    "owner": 1,
    "visibility": "private",
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:00Z",
}


@extend_schema_field(SETTINGS_SCHEMA)
class SettingsField(serializers.JSONField):
    """Checked by the service, which knows what fits."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("It must be an object.", code="dict_type")
        return super().to_internal_value(data)


@extend_schema_serializer(examples=[OpenApiExample("An agent", AGENT)])
class AgentSerializer(StrictModelSerializer):
    name = TextField(max_length=100, help_text="Unique among its owner's agents, in any case.")
    role = TextField(max_length=100, required=False, allow_blank=True, help_text="What it is, in a few words.")
    provider = TextField(
        max_length=100, required=False, help_text=f"{', '.join(ProviderKind.values)}, or the name of a provider."
    )
    model = TextField(max_length=200, required=False, help_text="The provider's name of the model.")
    system_prompt = TextField(
        max_length=100_000,
        required=False,
        allow_blank=True,
        help_text="Its instructions, given to the model word for word.",
    )
    persona = TextField(max_length=20_000, required=False, allow_blank=True, help_text="How it is, in sentences.")
    traits = serializers.ListField(
        child=TextField(max_length=100), max_length=50, required=False, help_text="How it is, in single words."
    )
    settings = SettingsField(required=False, help_text="How it answers, and how far one run may go.")
    tags = serializers.ListField(
        child=TextField(max_length=50), max_length=50, required=False, help_text="Words to find it by."
    )

    class Meta:
        model = Agent
        fields = tuple(AGENT)
        read_only_fields = ("id", "owner", "created_at", "updated_at")
        extra_kwargs = {
            "status": {"help_text": "Only an active agent answers."},
            "visibility": {"help_text": "Private to its owner, or shared with everyone on the server."},
        }
        validators: list[Any] = []

    def to_representation(self, instance: Agent) -> dict[str, Any]:
        return agent_data(instance)


@extend_schema_serializer(examples=[OpenApiExample("Details", {"agent": AGENT})])
class AgentDetailsSerializer(serializers.Serializer):
    agent = AgentSerializer()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A revision",
            {
                "number": 2,
                "at": "2026-01-01T12:00:00Z",
                "user": 1,
                "door": "rest",
                "changes": {"role": ["", "mathematician"]},
                "values": {"name": "Ada", "role": "mathematician"},
            },
        )
    ]
)
class RevisionSerializer(serializers.ModelSerializer):
    changes = serializers.DictField(help_text="field → [before, after]; empty for the first.")
    values = serializers.DictField(help_text="All fields as they were after it.")

    class Meta:
        model = AgentRevision
        fields = ("number", "at", "user", "door", "changes", "values")

    def to_representation(self, instance: AgentRevision) -> dict[str, Any]:
        return revision_data(instance)
