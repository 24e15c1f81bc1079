"""People who are about to be removed: not while an answer is being written for them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.utils import timezone

from apps.accounts.removing import Kept
from apps.opie.engine.recording import STALE_AFTER
from apps.opie.models import AgentOSRun

BUSY = Kept("busy", "An answer is being written for them. Suspend them, and remove them when it has ended.")


def with_live_runs(people: Collection[UUID]) -> Mapping[UUID, Kept]:
    """Those of these people for whom a process is at work now, with the reason to keep them. Sync."""
    beating = AgentOSRun.objects.live().filter(heartbeat_at__gte=timezone.now() - STALE_AFTER)
    return dict.fromkeys(beating.filter(user__in=people).values_list("user_id", flat=True), BUSY)
