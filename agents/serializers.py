from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from agents.choices import ProviderKind, RunState, StepKind, StepState
from agents.engine.settings import AgentSettings, Bounds
from agents.events import agent_data, revision_data, run_data, step_data
from agents.models import Agent, AgentRevision, Run, RunStep
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
RUN = {
    "id": 40,
    "agent": 7,
    "conversation": 12,
    "state": "succeeded",
    "reason": "",
    "usage": {"input": 20, "output": 9, "cache_read": 0, "cache_write": 0, "reasoning": 0},
    "cost": "0.000195",
    "created_at": "2026-01-01T12:00:00Z",
    "started_at": "2026-01-01T12:00:00Z",
    "finished_at": "2026-01-01T12:00:03Z",
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


class UsageSerializer(serializers.Serializer):
    """Tokens; `input` includes the cache's."""

    input = serializers.IntegerField(required=False)
    output = serializers.IntegerField(required=False)
    cache_read = serializers.IntegerField(required=False)
    cache_write = serializers.IntegerField(required=False)
    reasoning = serializers.IntegerField(required=False)


@extend_schema_serializer(examples=[OpenApiExample("A run", RUN)])
class RunSerializer(serializers.ModelSerializer):
    conversation = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(RunState.choices)
    reason = serializers.CharField(help_text="Why it ended, in one sentence.")
    usage = UsageSerializer()
    cost = serializers.CharField(allow_null=True, help_text="US dollars; null where it is not known.")

    class Meta:
        model = Run
        fields = tuple(RUN)

    def to_representation(self, instance: Run) -> dict[str, Any]:
        return run_data(instance)


class ToolCallSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    arguments = serializers.DictField()
    error = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A tool's result",
            {
                "number": 2,
                "kind": "tool",
                "state": "done",
                "text": "2026-01-01T12:00:00+00:00",
                "reasoning": "",
                "tool_calls": [],
                "stop_reason": "",
                "usage": {},
                "call_id": "call-1",
                "tool": "clock.now",
                "arguments": {},
                "started_at": "2026-01-01T12:00:00Z",
                "finished_at": "2026-01-01T12:00:00Z",
            },
        )
    ]
)
class StepSerializer(serializers.ModelSerializer):
    kind = serializers.ChoiceField(StepKind.choices)
    state = serializers.ChoiceField(StepState.choices)
    tool_calls = ToolCallSerializer(many=True)
    usage = UsageSerializer()
    arguments = serializers.DictField(allow_null=True)

    class Meta:
        model = RunStep
        fields = (
            "number",
            "kind",
            "state",
            "text",
            "reasoning",
            "tool_calls",
            "stop_reason",
            "usage",
            "call_id",
            "tool",
            "arguments",
            "started_at",
            "finished_at",
        )

    def to_representation(self, instance: RunStep) -> dict[str, Any]:
        return step_data(instance)
