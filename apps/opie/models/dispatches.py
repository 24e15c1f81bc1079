"""Choices of the dispatcher: which task, who was a candidate with which score, who was chosen, and what came of it."""

from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent
from apps.opie.models.runs import AgentOSRun


class DispatchDecisionQuerySet(models.QuerySet["DispatchDecision"]):
    def visible_to(self, principal: Principal) -> Self:
        """One's own. A task is somebody's words, which nobody else reads, whatever the role."""
        return self.filter(user_id=principal.user_id, team_id=principal.team_id)

    def counted_for(self, principal: Principal) -> Self:
        """Those that figures are made of: the team's for whoever may see its figures, else one's own."""
        if principal.reach(Permission.VIEW_METRICS) is Reach.YES:
            return self.filter(team_id=principal.team_id)
        return self.visible_to(principal)

    def note_run(self, decision_id: UUID, run_id: UUID) -> None:
        """Remember what came of a choice; the first run that does is it."""
        self.filter(pk=decision_id, run=None).update(run_id=run_id)


class DispatchDecision(models.Model):
    """One choice; never changed, but for the run that came of it. Without an agent nobody fitted; without a user it was
    made by a host's code for nobody in particular."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="+")
    task = models.TextField(max_length=100_000)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    chosen = models.CharField(max_length=64, blank=True, help_text="The agent's id as it was.")
    score = models.FloatField(null=True, blank=True)
    fit = models.FloatField(default=0, help_text="How well the chosen one, or the nearest, fits the task.")
    candidates = models.JSONField(default=list, help_text="Each with its score, the score's parts, its fit and why.")
    with_vectors = models.BooleanField(default=False)
    run = models.OneToOneField(
        AgentOSRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="dispatch_decision"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DispatchDecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "dispatch decision"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "team", "-id"], name="opie_decision_of_person"),
            models.Index(fields=["team", "-id"], name="opie_decision_of_team"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(score=None) | Q(score__gte=0, score__lte=1), name="opie_decision_score"),
            models.CheckConstraint(
                condition=Q(chosen="", score=None) | (~Q(chosen="") & Q(score__isnull=False)),
                name="opie_decision_score_of_chosen",
            ),
            models.CheckConstraint(condition=Q(fit__gte=0, fit__lte=1), name="opie_decision_fit"),
        ]

    def outcome(self) -> dict[str, Any] | None:
        """What came of it; None where nothing was run, or the run was deleted."""
        if self.run is None:
            return None
        performance = getattr(self.run, "performance", None)
        return {
            "run_id": str(self.run.pk),
            "status": self.run.status,
            "duration_ms": performance.duration_ms if performance is not None else None,
        }

    def __str__(self) -> str:
        return f"{self.chosen or 'nobody'}: {self.task[:60]}"
