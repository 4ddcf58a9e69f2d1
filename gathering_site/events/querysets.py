from collections.abc import Iterable

from django.db import models
from django.db.models.functions import Cast

from gathering_site.events.frames import Frame, durable_frame


class EventQuerySet(models.QuerySet):
    def frames_after(self, *, topic: str, number: int, limit: int) -> list[Frame]:
        """The topic's next frames after this number, at most `limit`, oldest first."""
        events = self.filter(topic=topic, number__gt=number).order_by("number")[:limit]
        rows = events.values_list("number", "kind", "at", Cast("data", models.TextField()))
        return [
            durable_frame(topic=topic, number=number, kind=kind, at=at, data=data) for number, kind, at, data in rows
        ]


class TopicQuerySet(models.QuerySet):
    def numbers(self, names: Iterable[str]) -> dict[str, int]:
        """The numbers that these topics have reached; one without events is not in the answer."""
        return dict(self.filter(pk__in=list(names)).values_list("pk", "number"))
