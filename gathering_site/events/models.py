from django.db import models

from gathering_site.events.querysets import EventQuerySet, TopicQuerySet


class Topic(models.Model):
    """A stream of events by name (`conversations/12`) and the number it has reached. Its row is the lock under which
    the next number is given."""

    name = models.CharField(max_length=100, primary_key=True)
    number = models.BigIntegerField(default=0)

    objects = TopicQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One stored fact on a topic: numbers are 1, 2, 3 … without holes within the topic."""

    topic = models.CharField(max_length=100)
    number = models.BigIntegerField()
    kind = models.CharField(max_length=100)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "number"], name="one_event_per_number")]

    def __str__(self) -> str:
        return f"{self.topic}#{self.number} {self.kind}"
