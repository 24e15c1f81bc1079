"""How long events of webhooks are kept. Sync.

That an event is there is all that says that a call is an old one, so no event goes while any call of it that was let in
could be let in once more: neither the first, nor one that came again later and was signed anew.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.opie.models import WebhookEvent

CLEARED_AT_ONCE = 1_000


@transaction.atomic
def clear_old_events() -> int:
    """Delete some of the events that ended, and last came, as long ago as the setting says; answers how many.

    What they led to stays. What is worked on or waits for that is never deleted, however old.
    """
    kept_for = _kept_for()
    if kept_for is None:
        return 0
    since = timezone.now() - kept_for
    quiet = Q(repeated_at=None) | Q(repeated_at__lt=since)
    old = WebhookEvent.objects.filter(quiet, processed_at__lt=since).order_by("processed_at")
    # Locked, so that none of them comes again or is given another try between being found and being gone.
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:CLEARED_AT_ONCE])
    WebhookEvent.objects.filter(pk__in=ids).delete()
    return len(ids)


def keep_longer(event: WebhookEvent) -> bool:
    """Note that an event which has ended came again. False when it was cleared in this very moment."""
    return WebhookEvent.objects.filter(pk=event.pk).update(repeated_at=timezone.now()) == 1


def _kept_for() -> timedelta | None:
    """None for always. A call's time may be off by the tolerance to either side, so that it is let in for twice as long."""
    if not settings.OPIE_WEBHOOK_EVENTS_DAYS:
        return None
    replayable = timedelta(seconds=2 * settings.OPIE_WEBHOOK_TOLERANCE_SECONDS)
    return max(timedelta(days=settings.OPIE_WEBHOOK_EVENTS_DAYS), replayable)
