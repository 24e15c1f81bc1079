"""How the installation is doing, minute by minute."""

from django.db import models
from django.db.models import Q


class SystemMetrics(models.Model):
    """One minute, as the worker saw it when it was over: its machine, and the runs of all processes. None: not known."""

    minute = models.DateTimeField(primary_key=True, help_text="When the minute ended.")
    cpu_percent = models.FloatField(null=True, help_text="Of all processors of the worker's machine.")
    memory_percent = models.FloatField(null=True, help_text="Of its memory, without what the system would give back.")
    memory_used_mb = models.PositiveIntegerField(null=True)
    live_runs = models.PositiveIntegerField(help_text="Running or waiting at that moment.")
    ended_runs = models.PositiveIntegerField(help_text="That ended within the minute.")
    first_token_p50_ms = models.FloatField(null=True)
    response_p50_ms = models.FloatField(null=True, help_text="From the question to the end of the answer.")
    response_p95_ms = models.FloatField(null=True)

    class Meta:
        verbose_name = "system figures"
        verbose_name_plural = "system figures"
        ordering = ["-minute"]
        constraints = [
            models.CheckConstraint(
                condition=Q(cpu_percent=None) | Q(cpu_percent__gte=0, cpu_percent__lte=100),
                name="opie_system_cpu_0_to_100",
            ),
            models.CheckConstraint(
                condition=Q(memory_percent=None) | Q(memory_percent__gte=0, memory_percent__lte=100),
                name="opie_system_memory_0_to_100",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M}"
