from typing import Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, Q

from agents.choices import Visibility
from agents.querysets.search import with_words
from gathering_site.common.models import User


class ConversationQuerySet(models.QuerySet):
    def with_agents(self) -> Self:
        """Each with its `agent_ids`, in the same query."""
        places = self.model.agents.through.objects.filter(conversation=OuterRef("pk")).order_by("position")
        return self.annotate(agent_ids=ArraySubquery(places.values("agent_id")))

    def visible_to(self, user: User) -> Self:
        """A person's own conversations and the shared ones; administrators see all."""
        return self.all() if user.is_superuser else self.filter(Q(owner=user) | Q(visibility=Visibility.SHARED))

    def changeable_by(self, user: User) -> Self:
        """Its title, agents and end are its owner's to decide; who can see it can write in it."""
        return self.all() if user.is_superuser else self.filter(owner=user)

    def search(self, text: str) -> Self:
        """Conversations whose title has a word that begins with each word of the text."""
        return with_words(self, text, "title")


class MessageQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> Self:
        if user.is_superuser:
            return self.all()
        return self.filter(Q(conversation__owner=user) | Q(conversation__visibility=Visibility.SHARED))
