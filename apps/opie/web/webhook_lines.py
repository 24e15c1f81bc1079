"""The webhooks of a team and what they told, line by line, for its managers."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apps.accounts.principal import Principal
from apps.opie.models import AgentOSSession, Webhook, WebhookEvent
from apps.opie.models.webhooks import EventStatus

PAGE_SIZE = 50
MOST_FACTS = 12
LONGEST_FACT = 200
STATES = {
    "": _("All"),
    EventStatus.RECEIVED.value: _("Waiting"),
    EventStatus.PROCESSING.value: _("Being worked on"),
    EventStatus.DONE.value: _("Done"),
    EventStatus.FAILED.value: _("Failed"),
}


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event. `facts` are what its handler answered, as names and words; `session` is the conversation that it is in,
    if whoever looks may see it."""

    event: WebhookEvent
    facts: list[tuple[str, str]]
    session: UUID | None


@dataclass(frozen=True, slots=True)
class Events:
    """One page of the list, the newest first."""

    lines: list[EventLine]
    next_page: int | None

    @property
    def is_moving(self) -> bool:
        """Whether something may change by itself soon, so that looking again is worth it."""
        return any(line.event.processed_at is None for line in self.lines)


def webhook_lines(principal: Principal) -> QuerySet[Webhook]:
    """The team's webhooks with `last_at` and `last_status`, of the event that came last, and `failed`, how many have."""
    last = WebhookEvent.objects.filter(webhook=OuterRef("pk")).order_by("-id")
    failed = WebhookEvent.objects.filter(webhook=OuterRef("pk"), status=EventStatus.FAILED).order_by()
    counted = failed.values("webhook").annotate(n=Count("pk")).values("n")
    return (
        Webhook.objects.visible_to(principal)
        .select_related("acts_for")
        .annotate(
            last_at=Subquery(last.values("received_at")[:1]),
            last_status=Subquery(last.values("status")[:1]),
            failed=Coalesce(Subquery(counted), 0),
        )
    )


def events_of(principal: Principal, webhook: Webhook, status: str = "", search: str = "", page: int = 1) -> Events:
    """Two queries, however many there are. What no filter knows narrows nothing."""
    events = WebhookEvent.objects.visible_to(principal).filter(webhook=webhook).defer("data")
    if status in EventStatus.values:
        events = events.filter(status=status)
    if search:
        events = events.filter(Q(event_id__icontains=search) | Q(event_type__icontains=search))
    start = (page - 1) * PAGE_SIZE
    found = list(events[start : start + PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    sessions = _visible_sessions(principal, shown)
    lines = [EventLine(event, *_what_came_of(event, sessions)) for event in shown]
    return Events(lines, page + 1 if len(found) > PAGE_SIZE else None)


def _visible_sessions(principal: Principal, events: Iterable[WebhookEvent]) -> set[UUID]:
    named = {session_id for event in events if (session_id := _session_of(event))}
    if not named:
        return set()
    return set(AgentOSSession.objects.visible_to(principal).filter(pk__in=named).values_list("pk", flat=True))


def _session_of(event: WebhookEvent) -> UUID | None:
    """A handler answers what it likes."""
    told = event.result.get("session_id")
    try:
        return UUID(told) if isinstance(told, str) else None
    except ValueError:
        return None


def _what_came_of(event: WebhookEvent, sessions: set[UUID]) -> tuple[list[tuple[str, str]], UUID | None]:
    session = _session_of(event)
    session = session if session in sessions else None
    facts = [(name, _words(value)) for name, value in event.result.items() if not (session and name == "session_id")]
    return facts[:MOST_FACTS], session


def _words(value: Any) -> str:
    text = "—" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_FACT else f"{text[: LONGEST_FACT - 1]}…"
