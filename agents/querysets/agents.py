from typing import Self

from django.db import models
from django.db.models import Q

from agents.choices import Visibility
from agents.querysets.search import with_words
from gathering_site.common.models import User


class AgentQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> Self:
        """A person's own agents and the shared ones; administrators see all."""
        return self.all() if user.is_superuser else self.filter(Q(owner=user) | Q(visibility=Visibility.SHARED))

    def changeable_by(self, user: User) -> Self:
        """Who can see an agent may talk to it; its owner and administrators may change it."""
        return self.all() if user.is_superuser else self.filter(owner=user)

    def search(self, text: str) -> Self:
        """Agents whose name or role has a word that begins with each word of the text."""
        return with_words(self, text, "name", "role")
