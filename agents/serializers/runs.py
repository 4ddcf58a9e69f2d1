from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from agents.choices import RunState, StepKind, StepState
from agents.events import run_data, step_data
from agents.models import Run, RunStep

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
