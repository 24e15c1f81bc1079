"""Webhooks: signed calls from other systems, and what each of them said."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTransform

from apps.accounts.encryption import EncryptedTextField
from apps.accounts.models import Team
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.ids import uuid7


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def visible_to(self, principal: Principal) -> Self:
        """The team's, for who manages it: a webhook acts for a person and vouches for customers."""
        if not principal.may(Permission.MANAGE_TEAM):
            return self.none()
        # Whoever looks at it needs no secret, and can do so though the key of one is gone.
        return self.filter(team_id=principal.team_id).defer("secret", "previous_secret")


class Webhook(models.Model):
    """One system that may call in, by a name of its own in the address and a secret that signs each call.

    Both secrets hold while they are changed over; the previous one until its time is over.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    name = models.SlugField(max_length=64, unique=True, help_text="It stands in the address, so it is one's alone.")
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(blank=True, default="")
    previous_until = models.DateTimeField(null=True, blank=True)
    acts_for = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="In whose name its events are worked on, with the rights that person has by then.",
    )
    event_types = ArrayField(models.SlugField(max_length=64))
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["team", "name"], name="opie_webhook_of_team")]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="opie_webhook_has_name"),
            models.CheckConstraint(condition=Q(event_types__len__gt=0), name="opie_webhook_takes_something"),
        ]

    def __str__(self) -> str:
        return self.name


class EventStatus(models.TextChoices):
    """`received` waits for the worker, for the first time or for another one."""

    RECEIVED = "received", "Received"
    PROCESSING = "processing", "Processing"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def visible_to(self, principal: Principal) -> Self:
        """That there was an event, for who manages the team. Its `data` is for nobody but its handler."""
        if not principal.may(Permission.MANAGE_TEAM):
            return self.none()
        return self.filter(webhook__team_id=principal.team_id)


class WebhookEvent(models.Model):
    """One call that was let in: stored before anything is done, worked on by the worker, once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=200)
    event_type = models.SlugField(max_length=64)
    data = models.JSONField()
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of type and data: is it the same call?")
    status = models.CharField(max_length=10, choices=EventStatus.choices, default=EventStatus.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    repeated_at = models.DateTimeField(
        null=True, editable=False, help_text="When it last came again after it had ended."
    )

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook event"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="opie_webhook_event_newest"),
            models.Index(fields=["webhook", "status", "-id"], name="opie_webhook_event_by_status"),
            models.Index(fields=["processed_at"], name="opie_webhook_event_ended"),
            models.Index(F("webhook"), KeyTransform("session_id", "result"), name="opie_webhook_event_session"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_id"], name="opie_webhook_event_once"),
            models.CheckConstraint(condition=~Q(event_id=""), name="opie_webhook_event_has_id"),
            models.CheckConstraint(condition=Q(status__in=EventStatus.values), name="opie_webhook_event_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=("done", "failed"), processed_at__isnull=False)
                | Q(status__in=("received", "processing"), processed_at=None),
                name="opie_webhook_event_ends_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"
