"""Figures of the installation: one row a minute, kept for a month."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.forms.models import model_to_dict
from django.utils import timezone

from apps.opie.metrics.machine import Processors, memory, processors
from apps.opie.models import AgentOSRun, SystemMetrics

KEPT = timedelta(days=30)
SHOWN = timedelta(hours=1)

_SQL = """
    SELECT COUNT(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY time_to_first_token_ms),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
    FROM opie_agentosperformance WHERE created_at >= %s AND created_at < %s
"""

# How busy the processors were is a difference: what this process saw the last time.
_seen: list[Processors] = []


def note_minute(now: datetime | None = None) -> SystemMetrics:
    """Write the minute that has ended, once however many workers ask for it, and let go of what is too old."""
    minute = (now or timezone.now()).replace(second=0, microsecond=0)
    ended, first_token, half, most = _runs_of(minute)
    cpu, used = _busy(), memory()
    row = SystemMetrics(
        minute=minute,
        cpu_percent=cpu,
        memory_percent=used and used[0],
        memory_used_mb=used and used[1],
        live_runs=AgentOSRun.objects.live().count(),
        ended_runs=ended,
        first_token_p50_ms=first_token,
        response_p50_ms=half,
        response_p95_ms=most,
    )
    SystemMetrics.objects.bulk_create([row], ignore_conflicts=True)
    SystemMetrics.objects.filter(minute__lt=minute - KEPT).delete()
    return row


def figures() -> dict[str, Any]:
    """The newest minute, and those of the last hour, the oldest first; numbers only."""
    since = timezone.now() - SHOWN
    rows = [model_to_dict(row) | {"minute": row.minute} for row in SystemMetrics.objects.filter(minute__gte=since)]
    return {"latest": rows[0] if rows else None, "last_hour": rows[::-1]}


def _runs_of(minute: datetime) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [minute - timedelta(minutes=1), minute])
        count, *times = cursor.fetchone()
    return count, *(None if one is None else round(one, 1) for one in times)


def _busy() -> float | None:
    now = processors()
    before = _seen[-1] if _seen else None
    _seen[:] = [now] if now else []
    return now.percent_since(before) if now else None
