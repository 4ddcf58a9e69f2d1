from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from encrypted_fields.fields import EncryptedTextField

from agents.choices import ProviderKind
from agents.querysets.providers import ProviderQuerySet
from gathering_site.common.models import TimestampedModel


class Provider(TimestampedModel):
    """An account at a place where models are served. Without an owner it is the server's own, for everybody's agents.
    One that is named like a kind is that kind's default."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=ProviderKind)
    base_url = models.URLField(max_length=500, blank=True)
    api_key = EncryptedTextField(null=True, blank=True)
    allow_private = models.BooleanField(default=False, help_text="may be reached at loopback and private addresses")
    settings = models.JSONField(default=dict, blank=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="provider_name_per_owner", nulls_distinct=False)
        ]
        indexes = [
            models.Index(fields=["kind", "id"], name="provider_kind"),
            models.Index(fields=["name", "id"], name="provider_name"),
            models.Index(fields=["created_at", "id"], name="provider_created"),
            models.Index(fields=["updated_at", "id"], name="provider_updated"),
            GinIndex(SearchVector("name", config="simple"), name="provider_search"),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def has_key(self) -> bool:
        """`without_keys` brings it along."""
        return bool(self.api_key)
