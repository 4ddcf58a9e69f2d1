from django.db import models


class ProviderKind(models.TextChoices):
    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    OLLAMA = "ollama"
    DEMO = "demo"


class AgentStatus(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Visibility(models.TextChoices):
    PRIVATE = "private"
    SHARED = "shared"


class RunState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


class StepKind(models.TextChoices):
    REPLY = "reply"
    TOOL = "tool"


class StepState(models.TextChoices):
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
