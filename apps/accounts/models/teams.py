"""Teams, who is in them and as what, what their plan allows, and who was asked to join."""

from collections.abc import Collection
from typing import Any, Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from apps.accounts.models.people import User
from apps.api.ids import uuid7


class Role(models.TextChoices):
    """What someone is in a team; permissions.py says what each may do."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
    # Of the widget on somebody's page: nobody is given it, apps.accounts.visitors makes those who have it.
    VISITOR = "visitor"


# What a colleague can be, as forms and REST offer it.
PEOPLES_ROLES = [(role.value, role.label) for role in Role if role is not Role.VISITOR]


class Plan(models.Model):
    """What a team has bought: quantities (null: no limit) and features."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100, unique=True)
    max_agents = models.PositiveIntegerField(null=True, blank=True)
    max_seats = models.PositiveIntegerField(null=True, blank=True)
    max_messages_per_month = models.PositiveBigIntegerField(null=True, blank=True)
    max_spend_per_month = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    features = ArrayField(models.CharField(max_length=60), default=list, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(max_spend_per_month__isnull=True) | models.Q(max_spend_per_month__gte=0),
                name="plan_spend_not_negative",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TeamQuerySet(models.QuerySet["Team"]):
    def of(self, user_id: UUID) -> "TeamQuerySet":
        """The teams that person is in."""
        return self.filter(memberships__user_id=user_id)


class Team(models.Model):
    """People who share agents, knowledge, keys and a bill."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140, unique=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, blank=True, related_name="teams")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def owners(self) -> "MembershipQuerySet":
        return self.filter(role=Role.OWNER)

    def people(self) -> "MembershipQuerySet":
        """Colleagues: whoever is not only a visitor of a widget."""
        return self.exclude(role=Role.VISITOR)


class Membership(models.Model):
    """One person in one team. A team always keeps an owner: teams.py holds to it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=PEOPLES_ROLES, default=Role.MEMBER)
    read_team_sessions = models.BooleanField(
        default=False, help_text="May read other people's sessions in this team. Every reading is audited."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once_per_team"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    _was: tuple[str, bool] | None = None

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} as {self.role}"

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any) -> Self:
        membership = super().from_db(db, field_names, values, **kwargs)
        if {"role", "read_team_sessions"} <= set(field_names):
            membership._was = (membership.role, membership.read_team_sessions)
        return membership

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        now = (self.role, self.read_team_sessions)
        if self._was is not None and self._was != now:
            self.user.renew_stamp()
        self._was = now

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.user.renew_stamp()
        return super().delete(*args, **kwargs)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Neither accepted nor run out."""
        return self.filter(accepted_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """An offer to join, for whoever holds the token sent to that address. Only the token's hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=10, choices=PEOPLES_ROLES, default=Role.MEMBER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="invitation_email_is_lower_case"),
            models.CheckConstraint(
                condition=models.Q(role__in=[role for role, _ in PEOPLES_ROLES]), name="invitation_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.team_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.lower()
        super().save(*args, **kwargs)
