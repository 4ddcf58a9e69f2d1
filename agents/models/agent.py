from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Lower

from agents.choices import AgentStatus, Visibility
from agents.querysets.agents import AgentQuerySet
from gathering_site.common.models import TimestampedModel

DEFAULT_PROVIDER = "anthropic"
DEFAULT_MODEL = "claude-sonnet-4-20250514"


class Agent(TimestampedModel):
    """A persona with a provider, a model and settings. `provider` is a kind or a provider row's name."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="agents")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=20, choices=AgentStatus, default=AgentStatus.ACTIVE)
    provider = models.CharField(max_length=100, default=DEFAULT_PROVIDER)
    model = models.CharField(max_length=200, default=DEFAULT_MODEL)
    system_prompt = models.TextField(blank=True)
    persona = models.TextField(blank=True)
    traits = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    visibility = models.CharField(max_length=20, choices=Visibility, default=Visibility.PRIVATE)

    objects = AgentQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint("owner", Lower("name"), name="agent_name_per_owner")]
        indexes = [
            models.Index(fields=["status", "id"], name="agent_status"),
            models.Index(fields=["provider", "id"], name="agent_provider"),
            models.Index(fields=["model", "id"], name="agent_model"),
            models.Index(fields=["visibility", "id"], name="agent_visibility"),
            models.Index(fields=["name", "id"], name="agent_name"),
            models.Index(fields=["created_at", "id"], name="agent_created"),
            models.Index(fields=["updated_at", "id"], name="agent_updated"),
            GinIndex(fields=["tags"], name="agent_tags"),
            GinIndex(SearchVector("name", "role", config="simple"), name="agent_search"),
        ]

    def __str__(self) -> str:
        return self.name


class AgentRevision(models.Model):
    """One change of an agent: who, when, through which door, what. `values` are all fields as they were after it."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    door = models.CharField(max_length=20)
    changes = models.JSONField(help_text="field → [before, after]")
    values = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agent", "number"], name="one_revision_per_number")]

    def __str__(self) -> str:
        return f"{self.agent_id}#{self.number}"
