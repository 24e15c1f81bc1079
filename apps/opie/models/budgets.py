"""Budgets: money set aside for a team, a person or an API key, that parallel calls cannot overspend."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import ApiKey, Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7


class BudgetPeriodKind(models.TextChoices):
    DAY = "day", "Day"
    MONTH = "month", "Month"
    EVER = "ever", "Ever"


class BudgetQuerySet(models.QuerySet["Budget"]):
    def visible_to(self, principal: Principal) -> Self:
        """All of the team's for those who manage budgets; for others the team's own and the ones about them."""
        budgets = self.filter(team_id=principal.team_id)
        if principal.may("manage_budgets"):
            return budgets
        return budgets.filter(Q(user=None) | Q(user_id=principal.user_id)).filter(
            Q(api_key=None) | Q(api_key__user_id=principal.user_id)
        )

    def applying_to(self, principal: Principal) -> Self:
        """Every budget that a call of this principal must fit into."""
        whole_team = Q(user=None, api_key=None)
        person = Q(user_id=principal.user_id)
        key = Q(api_key_id=principal.api_key_id) if principal.api_key_id else Q(pk__in=[])
        return self.filter(whole_team | person | key, team_id=principal.team_id, is_enabled=True)


class Budget(models.Model):
    """Most money for one subject in one period: the whole team, one person in it, or one of its keys."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="budgets")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    period = models.CharField(max_length=5, choices=BudgetPeriodKind.choices, default=BudgetPeriodKind.MONTH)
    amount = models.DecimalField(max_digits=14, decimal_places=4)
    currency = models.CharField(max_length=3, default="USD")
    allows_unpriced = models.BooleanField(default=False, help_text="Let calls through whose price is unknown.")
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["team", "period"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="opie_budget_not_negative"),
            models.CheckConstraint(condition=Q(period__in=BudgetPeriodKind.values), name="opie_budget_period_known"),
            models.CheckConstraint(condition=Q(user=None) | Q(api_key=None), name="opie_budget_one_subject"),
            models.UniqueConstraint(
                fields=["team", "user", "api_key", "period"], nulls_distinct=False, name="opie_budget_once"
            ),
        ]

    def __str__(self) -> str:
        amount = format(self.amount.normalize(), "f")
        return f"{amount} {self.currency} " + ("in all" if self.period == BudgetPeriodKind.EVER else f"a {self.period}")


class BudgetPeriod(models.Model):
    """What one period of a budget has seen. `reserved` is promised to calls under way; the two are changed by
    conditional UPDATEs only. Spending may exceed the amount when a call cost more than could be foreseen."""

    id = models.BigAutoField(primary_key=True)
    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="periods")
    starts_on = models.DateField(help_text="First day; 0001-01-01 for ever.")
    spent = models.DecimalField(max_digits=20, decimal_places=10, default=0)
    reserved = models.DecimalField(max_digits=20, decimal_places=10, default=0)
    unpriced_calls = models.PositiveIntegerField(default=0)
    warned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["budget", "-starts_on"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_on"], name="opie_budget_period_once"),
            models.CheckConstraint(condition=Q(spent__gte=0, reserved__gte=0), name="opie_budget_period_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.budget} from {self.starts_on}"


class ReservationState(models.TextChoices):
    HELD = "held", "Held"
    SETTLED = "settled", "Settled"
    RELEASED = "released", "Released"


class BudgetReservation(models.Model):
    """Money held in one period for one call: settled with what it cost, or released when it cost nothing."""

    id = models.BigAutoField(primary_key=True)
    period = models.ForeignKey(BudgetPeriod, on_delete=models.CASCADE, related_name="reservations")
    call_id = models.UUIDField(db_index=True, help_text="The row of usage.")
    amount = models.DecimalField(max_digits=20, decimal_places=10)
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    state = models.CharField(max_length=8, choices=ReservationState.choices, default=ReservationState.HELD)
    held_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["held_at"], condition=Q(state="held"), name="opie_reservation_held")]
        constraints = [
            models.UniqueConstraint(fields=["period", "call_id"], name="opie_reservation_once"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="opie_reservation_not_negative"),
            models.CheckConstraint(
                condition=Q(state="held", ended_at=None) | (~Q(state="held") & ~Q(ended_at=None)),
                name="opie_reservation_ended_when_not_held",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state} for {self.call_id}"
