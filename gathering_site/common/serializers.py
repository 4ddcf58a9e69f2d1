"""Bodies: what they may hold is checked here, what it means is checked by the services."""

from typing import Any

from rest_framework import serializers


class StrictMixin:
    """Refuses fields that the thing does not have, instead of ignoring them. Those that are only to be read may come
    back, so that what was got can be changed and put."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = {name for name in data if name not in self.fields} if isinstance(data, dict) else set()
        if unknown:
            message = "There is no such field."
            raise serializers.ValidationError({name: message for name in sorted(unknown)}, code="extra_forbidden")
        return super().to_internal_value(data)


class StrictSerializer(StrictMixin, serializers.Serializer):
    pass


class StrictModelSerializer(StrictMixin, serializers.ModelSerializer):
    pass


class TextField(serializers.CharField):
    """A string as it came: a number or a truth value in its place is refused, white space is kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)
