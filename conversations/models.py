from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from agents.choices import Visibility
from agents.models import Agent, Run
from conversations.choices import ConversationStatus, MessageState
from conversations.querysets import ConversationQuerySet, MessageQuerySet
from gathering_site.common.models import TimestampedModel


class Conversation(TimestampedModel):
    """An ordered list of messages between people and agents."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="conversations")
    title = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=20, choices=ConversationStatus, default=ConversationStatus.ACTIVE)
    visibility = models.CharField(max_length=20, choices=Visibility, default=Visibility.PRIVATE)
    agents = models.ManyToManyField(Agent, through="Participant", related_name="conversations")

    objects = ConversationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "updated_at"], name="conversation_owner"),
            models.Index(fields=["visibility", "id"], name="conversation_visibility"),
            models.Index(fields=["status", "id"], name="conversation_status"),
            models.Index(fields=["updated_at", "id"], name="conversation_updated"),
            models.Index(fields=["created_at", "id"], name="conversation_created"),
            models.Index(fields=["title", "id"], name="conversation_title"),
            GinIndex(SearchVector("title", config="simple"), name="conversation_search"),
        ]

    def __str__(self) -> str:
        return self.title or f"conversation {self.pk}"

    @cached_property
    def agent_ids(self) -> list[int]:
        """Those who take part, in their order; `with_agents` brings them along."""
        return list(self.participants.values_list("agent_id", flat=True))


class Participant(models.Model):
    """An agent's place in a conversation."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="participants")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="participations")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["conversation", "agent"], name="one_place_per_agent")]

    def __str__(self) -> str:
        return f"{self.agent_id} in {self.conversation_id}"


class Message(models.Model):
    """What somebody said. Ids rise in the order of the conversation: a message is inserted under its conversation's
    row lock."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="messages")
    run = models.OneToOneField(Run, on_delete=models.PROTECT, null=True, related_name="message")
    text = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=MessageState, default=MessageState.COMPLETE)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["conversation", "id"], name="message_conversation"),
            models.Index(fields=["conversation"], name="message_streaming", condition=Q(state=MessageState.STREAMING)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True, agent__isnull=False) | Q(user__isnull=False, agent__isnull=True),
                name="message_has_one_author",
            )
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"
