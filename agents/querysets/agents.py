from typing import Self

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import models
from django.db.models import Q

from agents.choices import Visibility
from gathering_site.common.models import User


class AgentQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> Self:
        """A person's own agents and the shared ones; administrators see all."""
        return self.all() if user.is_superuser else self.filter(Q(owner=user) | Q(visibility=Visibility.SHARED))

    def changeable_by(self, user: User) -> Self:
        """Who can see an agent may talk to it; its owner and administrators may change it."""
        return self.all() if user.is_superuser else self.filter(owner=user)

    def search(self, text: str) -> Self:
        """Agents whose name or role has a word that begins with each word of the text. The vector is spelled as in the
        index `agent_search`, so that the index serves it."""
        words = "".join(letter if letter.isalnum() else " " for letter in text).split()
        query = SearchQuery(" & ".join(f"{word}:*" for word in words), config="simple", search_type="raw")
        vector = SearchVector("name", "role", config="simple")
        return self.annotate(words=vector).filter(words=query) if words else self.none()
