"""Runs: one run is one answer. It belongs to its session and outlives the request that started it."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import ApiKey, Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.sessions import AgentOSSession


class RunStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    INTERRUPTED = "interrupted", "Interrupted"


END_STATUSES = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED})
LIVE_STATUSES = frozenset(RunStatus) - END_STATUSES


class AgentOSRunQuerySet(models.QuerySet["AgentOSRun"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.filter(user_id=principal.user_id, team_id=principal.team_id)

    def live(self) -> Self:
        return self.filter(status__in=LIVE_STATUSES)


class AgentOSRun(models.Model):
    """One run of one agent. The question and the answer are messages; a task run keeps its output here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(AgentOSSession, on_delete=models.CASCADE, null=True, blank=True, related_name="runs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    agent_version = models.PositiveIntegerField(default=1)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.PENDING)
    question = models.ForeignKey(
        "AgentOSMessage",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="answering_runs",
        help_text="What it answers; several runs may answer one question, each in a branch of its own.",
    )
    is_background = models.BooleanField(default=False, help_text="The worker runs it, and tries again by its rule.")
    schedule = models.ForeignKey(
        "AgentOSSchedule", on_delete=models.SET_NULL, null=True, blank=True, related_name="runs"
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    most_attempts = models.PositiveSmallIntegerField(default=1)
    has_acted = models.BooleanField(
        db_default=False, help_text="A tool that may change something was called: there is no other attempt."
    )
    not_before = models.DateTimeField(null=True, blank=True, help_text="When the next attempt is due.")
    input = models.JSONField(null=True, blank=True, help_text="What a run without a session was given.")
    output = models.JSONField(null=True, blank=True, help_text="The output of a run without a session.")
    context = models.JSONField(
        default=dict, blank=True, help_text="What of the conversation the model was given, and what was left out."
    )
    paused_state = models.JSONField(
        null=True, blank=True, editable=False, help_text="Where a run that waits for approval goes on."
    )
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True, help_text="What the person was told.")
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="When the process that runs it was last heard."
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = AgentOSRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"
        ordering = ["-id"]
        indexes = [
            # Not by id: runs of plain Agno agents bring ids of their own, which do not tell the time.
            models.Index(fields=["session", "-created_at"], name="opie_run_of_session"),
            models.Index(fields=["user", "team", "-id"], name="opie_run_of_person"),
            models.Index(fields=["agent", "-id"], name="opie_run_of_agent"),
            models.Index(fields=["id"], condition=Q(status__in=sorted(LIVE_STATUSES)), name="opie_run_live"),
            models.Index(
                fields=["session", "id"],
                condition=Q(status__in=sorted(LIVE_STATUSES)),
                name="opie_run_live_in_session",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="opie_run_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=sorted(END_STATUSES), finished_at__isnull=False)
                | (~Q(status__in=sorted(END_STATUSES)) & Q(finished_at__isnull=True)),
                name="opie_run_finished_when_ended",
            ),
            # Whatever races: two answers to questions are never written in one session at a time. Runs of plain Agno
            # agents, which have no question, are their host's.
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(status__in=["running", "waiting"], question__isnull=False),
                name="opie_run_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    @property
    def has_ended(self) -> bool:
        return self.status in END_STATUSES


class RunEventBatch(models.Model):
    """Events of one run that were written together, while it ran: what a returning reader reads, and
    what is left of an answer whose process died."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(AgentOSRun, on_delete=models.CASCADE, related_name="event_batches")
    first_number = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField()
    events = models.JSONField(help_text="[[number, type, data], …] in order")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run", "first_number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "first_number"], name="opie_run_events_once"),
            models.CheckConstraint(
                condition=Q(last_number__gte=models.F("first_number")), name="opie_run_events_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.first_number}–{self.last_number}"
