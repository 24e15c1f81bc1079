"""Whom a conversation is about, once that is known for certain: a customer of a host, bound to the session for good."""

from typing import Self

from django.db import models
from django.db.models import Q

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.sessions import AgentOSSession


class VerificationMethod(models.TextChoices):
    """How it became certain."""

    CLAIM = "claim", "By what the person wrote"
    HOST = "host", "By the host, which knows the person"


class SessionVerificationQuerySet(models.QuerySet["SessionVerification"]):
    def visible_to(self, principal: Principal) -> Self:
        """Those of one's own sessions."""
        return self.filter(session__user_id=principal.user_id, session__team_id=principal.team_id)


class SessionVerification(models.Model):
    """Of one kind of subject (`customer`) in one session: how often it was tried, and who it is since when.

    Neither a caller nor a model writes here. The database refuses another subject in the place of one that is bound.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(AgentOSSession, on_delete=models.CASCADE, related_name="verifications")
    kind = models.SlugField(max_length=32)
    subject = models.CharField(max_length=128, blank=True)
    method = models.CharField(max_length=8, choices=VerificationMethod.choices, blank=True)
    failed_tries = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SessionVerificationQuerySet.as_manager()

    class Meta:
        verbose_name = "verification"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "kind"], name="opie_verification_of_session_once"),
            models.CheckConstraint(
                condition=Q(subject="", method="", verified_at=None, expires_at=None)
                | Q(method__in=VerificationMethod.values, verified_at__isnull=False, expires_at__isnull=False)
                & ~Q(subject=""),
                name="opie_verification_all_or_nothing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject or 'unknown'}"
