"""How platforms are doing: one row each, shared by all processes, so that one of them learns for all."""

from django.db import models
from django.db.models import Q

from apps.opie.models.platforms import AIPlatform


class PlatformHealth(models.Model):
    """A platform that keeps failing is rested until `rested_until`; then one call may try it (`probed_at`)."""

    platform = models.OneToOneField(AIPlatform, on_delete=models.CASCADE, primary_key=True, related_name="health")
    failures_in_a_row = models.PositiveIntegerField(default=0)
    rests_in_a_row = models.PositiveIntegerField(default=0)
    rested_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=64, blank=True, help_text="Code of the failure that led to the rest.")
    probed_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When those who manage it were last told.")

    class Meta:
        verbose_name = "platform health"
        verbose_name_plural = "platform health"
        constraints = [
            models.CheckConstraint(
                condition=Q(rested_until=None) | ~Q(reason=""), name="opie_platform_rest_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.platform}: {'rested' if self.rested_until else 'well'}"
