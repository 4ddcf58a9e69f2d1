from django.db import models


class ConversationStatus(models.TextChoices):
    ACTIVE = "active"
    ARCHIVED = "archived"


class MessageState(models.TextChoices):
    STREAMING = "streaming"
    COMPLETE = "complete"
    CUT = "cut"
    FAILED = "failed"
