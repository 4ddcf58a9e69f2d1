from django.conf import settings
from django.db import models
from django.db.models import Q

from agents.choices import UNFINISHED, RunState, StepKind, StepState
from agents.models.agent import Agent
from agents.querysets.runs import RunQuerySet


class Run(models.Model):
    """One durable piece of an agent's work. `subject` is the topic it works for (`conversations/12`), so that a run
    needs to know nothing of the apps above. The row is the state of record: a worker owns it while it holds the
    lease."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="runs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, help_text="who asked for it")
    subject = models.CharField(max_length=100)
    state = models.CharField(max_length=20, choices=RunState, default=RunState.QUEUED)
    reason = models.TextField(blank=True, help_text="why it ended, in one sentence")
    answer = models.BigIntegerField(null=True, help_text="the message it writes, from its first claim on")
    provider = models.CharField(max_length=20, blank=True, help_text="the kind that answered")
    model = models.CharField(max_length=200, blank=True)
    bounds = models.JSONField(default=dict)
    usage = models.JSONField(default=dict)
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True, help_text="US dollars; empty: not known")
    worker = models.CharField(max_length=100, blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="how often a worker claimed it")
    claimed_at = models.DateTimeField(null=True, help_text="when its worker claimed it")
    lease_until = models.DateTimeField(null=True)
    seconds_worked = models.FloatField(default=0.0, help_text="by the workers that held it before")
    enqueued_at = models.DateTimeField(null=True, help_text="when a task was last sent for it")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["agent", "id"], name="run_agent"),
            models.Index(fields=["user", "id"], name="run_user"),
            models.Index(fields=["subject", "id"], name="run_subject"),
            models.Index(fields=["state", "id"], name="run_state"),
            models.Index(fields=["id"], name="run_unfinished", condition=Q(state__in=UNFINISHED)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["agent", "subject"],
                name="one_running_run_per_agent_and_subject",
                condition=Q(state=RunState.RUNNING),
            )
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class RunStep(models.Model):
    """A model's reply, or one tool call. `native` is what the provider wants back unchanged in the next request."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=StepKind)
    state = models.CharField(max_length=20, choices=StepState, default=StepState.DONE)
    text = models.TextField(blank=True, help_text="the reply's text, or the tool's result")
    reasoning = models.TextField(blank=True)
    tool_calls = models.JSONField(default=list, help_text="of a reply: [{id, name, arguments}]")
    native = models.JSONField(null=True)
    native_format = models.CharField(max_length=250, blank=True, help_text="which provider and model `native` is for")
    stop_reason = models.TextField(blank=True)
    usage = models.JSONField(default=dict)
    call_id = models.TextField(blank=True)
    tool = models.TextField(blank=True)
    arguments = models.JSONField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_step_per_number")]

    def __str__(self) -> str:
        return f"{self.run_id}#{self.number} {self.kind}"
