"""What a host's schema keeps of somebody across conversations: of a verified subject of the host's, or of a person."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.ids import uuid7

LONGEST_NAME = 64


class MemoryProfileQuerySet(models.QuerySet["MemoryProfile"]):
    def visible_to(self, principal: Principal) -> Self:
        """One's own. A subject's is reached through a conversation that is verified for it, and no other way."""
        return self.filter(user_id=principal.user_id, team_id=principal.team_id)


class MemoryProfile(models.Model):
    """What fits one registered schema, of one owner within one team: a subject (`customer` 12), or else a user."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    schema = models.SlugField(max_length=LONGEST_NAME, db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    subject_kind = models.SlugField(max_length=32, blank=True, db_index=False)
    subject = models.CharField(max_length=128, blank=True)
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MemoryProfileQuerySet.as_manager()

    class Meta:
        verbose_name = "profile"
        ordering = ["schema", "-id"]
        indexes = [models.Index(fields=["subject_kind", "subject"], name="opie_profile_of_subject")]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "schema", "user", "subject_kind", "subject"],
                nulls_distinct=False,
                name="opie_profile_once",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, subject_kind="", subject="")
                | Q(user__isnull=True) & ~Q(subject_kind="") & ~Q(subject=""),
                name="opie_profile_one_owner",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schema} of {self.subject_kind or 'user'} {self.subject or self.user_id}"
