"""Whom a conversation is about, once that is known for certain: a customer of a host, bound to the session for good."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.sessions import AgentOSSession


class VerificationMethod(models.TextChoices):
    """How it became certain."""

    CLAIM = "claim", "By what the person wrote"
    CODE = "code", "By a code that was sent to the address on record"
    HOST = "host", "By the host, which knows the person"


class SessionVerificationQuerySet(models.QuerySet["SessionVerification"]):
    def visible_to(self, principal: Principal) -> Self:
        """Those of one's own sessions."""
        return self.filter(session__user_id=principal.user_id, session__team_id=principal.team_id)


class SessionVerification(models.Model):
    """Of one kind of subject (`customer`) in one session: how often it was tried, and who it is since when.

    Neither a caller nor a model writes here. The database refuses another subject in the place of one that is bound, and
    that somebody was verified by code for whom none was waited for.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(AgentOSSession, on_delete=models.CASCADE, related_name="verifications")
    kind = models.SlugField(max_length=32)
    subject = models.CharField(max_length=128, blank=True)
    method = models.CharField(max_length=8, choices=VerificationMethod.choices, blank=True)
    failed_tries = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    pending_subject = models.CharField(
        max_length=128, blank=True, help_text="Who was recognised, and has to type a code."
    )
    code_hash = models.CharField(max_length=64, blank=True, help_text="Keyed. The code itself is kept nowhere.")
    code_sent_to = models.CharField(max_length=254, blank=True, help_text="Masked.")
    code_expires_at = models.DateTimeField(null=True, blank=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
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
            models.CheckConstraint(
                condition=Q(pending_subject="") | Q(subject="") | Q(subject=F("pending_subject")),
                name="opie_verification_pending_for_its_own",
            ),
            models.CheckConstraint(
                condition=Q(code_hash="", code_sent_to="", code_expires_at=None, code_tries=0)
                | Q(code_expires_at__isnull=False, code_tries__lte=2)
                & ~Q(code_hash="")
                & ~Q(code_sent_to="")
                & ~Q(pending_subject=""),
                name="opie_verification_code_is_somebodys",
            ),
        ]

    def forget_code(self) -> None:
        """Nobody is waited for any more; the caller saves."""
        self.pending_subject = ""
        self.void_code()

    def void_code(self) -> None:
        """Whoever is waited for has no code to type; the caller saves."""
        self.code_hash = self.code_sent_to = ""
        self.code_expires_at, self.code_tries = None, 0

    def __str__(self) -> str:
        return f"{self.kind} {self.subject or 'unknown'}"
