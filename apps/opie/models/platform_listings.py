"""What platforms said they offer, when they were last asked."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.opie.models.platforms import AIPlatform


class PlatformListing(models.Model):
    """The models a platform listed, and which of those that are configured here were not among them."""

    platform = models.OneToOneField(AIPlatform, on_delete=models.CASCADE, primary_key=True, related_name="listing")
    models_listed = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    missing = models.JSONField(default=dict, blank=True, help_text="{model: since when it was not listed}")
    listed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.platform}: {len(self.models_listed)} models"
