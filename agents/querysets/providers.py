from typing import Self

from django.db import models
from django.db.models import F, Q

from agents.querysets.search import with_words
from gathering_site.common.models import User


class ProviderQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> Self:
        """A person's own and the server's; administrators see all."""
        return self.all() if user.is_superuser else self.usable_by(user)

    def changeable_by(self, user: User) -> Self:
        """The server's are the administrators'."""
        return self.all() if user.is_superuser else self.filter(owner=user)

    def usable_by(self, owner: User) -> Self:
        """Those that an agent of this owner may name."""
        return self.filter(Q(owner=owner) | Q(owner=None))

    def named(self, name: str, *, owner: User) -> Self:
        """What the name means for an agent of this owner: their own one comes before the server's."""
        return self.usable_by(owner).filter(name__iexact=name).order_by(F("owner").asc(nulls_last=True))

    def without_keys(self) -> Self:
        """Each with `has_key` in place of its key, which is neither read nor decrypted: what decrypts it needs a tenth
        of a second to be made, once a process."""
        kept = models.ExpressionWrapper(Q(api_key__isnull=False), output_field=models.BooleanField())
        return self.defer("api_key").annotate(has_key=kept)

    def search(self, text: str) -> Self:
        """Providers whose name has a word that begins with each word of the text."""
        return with_words(self, text, "name")
