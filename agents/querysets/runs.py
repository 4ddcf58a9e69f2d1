from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents.choices import UNFINISHED, RunState
from gathering_site.common.models import User


class RunQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> Self:
        """A run's steps hold what its tools found for its person: they and administrators see it, nobody else. That it
        began and ended, and what it cost, is told to all in its conversation."""
        return self.all() if user.is_superuser else self.filter(user=user)

    def unfinished(self) -> Self:
        return self.filter(state__in=UNFINISHED)

    def held_by(self, *, worker: str) -> Self:
        return self.filter(state=RunState.RUNNING, worker=worker)

    def claimable(self) -> Self:
        """Queued or lost runs that no earlier run of the same agent on the same subject has to end before."""
        earlier = self.model.objects.filter(
            agent=models.OuterRef("agent"), subject=models.OuterRef("subject"), pk__lt=models.OuterRef("pk")
        ).unfinished()
        return self.filter(
            Q(state=RunState.QUEUED) | Q(state=RunState.RUNNING, lease_until__lt=Now()), ~models.Exists(earlier)
        )

    def forgotten(self) -> Self:
        """Runs that wait for a worker though no task may be on its way to one: the broker lost it, or it was never
        sent."""
        patience = models.ExpressionWrapper(Now() - settings.RUN_ENQUEUE_PATIENCE, output_field=models.DateTimeField())
        return self.claimable().filter(Q(enqueued_at=None) | Q(enqueued_at__lt=patience))
