"""The installation's figures, minute by minute: to look at."""

from django.contrib import admin

from apps.accounts.admin import RecordAdmin
from apps.opie.models import SystemMetrics


@admin.register(SystemMetrics)
class SystemMetricsAdmin(RecordAdmin):
    list_display = [
        "minute", "cpu_percent", "memory_percent", "memory_used_mb", "live_runs", "ended_runs",
        "first_token_p50_ms", "response_p50_ms", "response_p95_ms",
    ]  # fmt: skip
    date_hierarchy = "minute"
    list_per_page = 60
    show_full_result_count = False
