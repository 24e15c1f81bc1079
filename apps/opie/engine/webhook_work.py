"""Working on events of webhooks, on the worker: each exactly once, as often as it takes. Sync.

An attempt is claimed in a transaction of its own, so that one that takes its process along counts. What the handler
writes and that the event is done is the next transaction: both, or neither.
"""

import json
import logging
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.principal import principal_now
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound, OpieError, TooLarge
from apps.opie import jobs
from apps.opie.engine.webhook_events import IncomingEvent, event_type_named
from apps.opie.models import WebhookEvent
from apps.opie.models.webhooks import EventStatus

logger = logging.getLogger(__name__)

TASK = "opie.webhook_event"
MOST_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=10)
# The same again would be refused again.
CALLERS_FAULT = (InvalidInput, NotFound, NotAllowed, Conflict, TooLarge)
OUR_FAULT = "Something went wrong on our side while this was worked on; the log says more."
GAVE_UP = "The worker ended each time it worked on this."
_LONGEST_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class _Failure:
    message: str
    is_final: bool


def tell_worker(event_id: UUID, pause: timedelta | None = None) -> None:
    """Have the worker take the event up, within the transaction that stores it."""
    at = timezone.now() + pause if pause else None
    jobs.defer(TASK, at=at, event_id=str(event_id))


def work_on(event_id: UUID) -> None:
    """One attempt at an event. One that is done, has failed or is gone is left as it is."""
    if not _claim(event_id):
        return
    try:
        _handle(event_id)
    except CALLERS_FAULT as error:
        _fail(event_id, _Failure(_told(error), is_final=True))
    except OpieError as error:
        _fail(event_id, _Failure(_told(error), is_final=False))
    except Exception:  # whatever a host's handler raises, the event is kept, and is tried again
        logger.exception("the handler of webhook event %s failed", event_id)
        _fail(event_id, _Failure(OUR_FAULT, is_final=False))


def try_again(event: WebhookEvent) -> None:
    """Give an event that has failed all of its attempts again. Raises Conflict for one that has not."""
    failed = WebhookEvent.objects.filter(pk=event.pk, status=EventStatus.FAILED)
    if not failed.update(status=EventStatus.RECEIVED, attempts=0, error="", processed_at=None):
        raise Conflict("Only an event that has failed can be tried again.", code="event_not_failed")
    tell_worker(event.pk)
    event.refresh_from_db()


def _claim(event_id: UUID) -> bool:
    """Whether there is something to do. One that a worker left behind is `processing` still, and taken up again."""
    open_events = WebhookEvent.objects.filter(pk=event_id, status__in=(EventStatus.RECEIVED, EventStatus.PROCESSING))
    if open_events.filter(attempts__lt=MOST_ATTEMPTS).update(status=EventStatus.PROCESSING, attempts=F("attempts") + 1):
        return True
    open_events.update(status=EventStatus.FAILED, error=GAVE_UP, processed_at=timezone.now())
    return False


@transaction.atomic
def _handle(event_id: UUID) -> None:
    row = _locked(event_id)
    if row is None:
        return
    kind = event_type_named(row.event_type)
    hook = row.webhook
    event = IncomingEvent(
        principal=principal_now(hook.acts_for_id, hook.team_id),
        event_type=row.event_type,
        event_id=row.event_id,
        data=kind.validated(row.data),
        received_at=row.received_at,
        webhook_id=hook.pk,
        webhook=hook.name,
    )
    row.result = _as_json(kind.handler(event))
    row.status, row.error, row.processed_at = EventStatus.DONE, "", timezone.now()
    # It is in the host's rows by now. A second copy of what a customer said would outlive its erasure there.
    row.data = {}
    row.save(update_fields=["data", "result", "status", "error", "processed_at"])


def _locked(event_id: UUID) -> WebhookEvent | None:
    """The event, while nobody else works on it; None when another job was quicker."""
    rows = WebhookEvent.objects.select_related("webhook").select_for_update(of=("self",))
    return rows.filter(pk=event_id, status=EventStatus.PROCESSING).first()


@transaction.atomic
def _fail(event_id: UUID, failure: _Failure) -> None:
    row = _locked(event_id)
    if row is None:
        return
    row.error = failure.message[:_LONGEST_ERROR]
    if failure.is_final or row.attempts >= MOST_ATTEMPTS:
        row.status, row.processed_at = EventStatus.FAILED, timezone.now()
    else:
        row.status = EventStatus.RECEIVED
        tell_worker(event_id, _pause_after(row.attempts))
    row.save(update_fields=["status", "error", "processed_at"])


def _pause_after(attempts: int) -> timedelta:
    """Twice as long each time, and not all at the same moment."""
    longest: timedelta = FIRST_PAUSE * 2 ** (attempts - 1)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _told(error: OpieError) -> str:
    fields = [f"{name}: {' '.join(texts)}" for name, texts in error.fields.items()]
    return " ".join([error.message, *fields])


def _as_json(result: Any) -> Any:
    """What a handler answers, as it can be stored; a UUID or a sum as its text."""
    return json.loads(json.dumps(dict(result or {}), default=str))
