"""The chats of one person, newest first, grouped by day: the list beside every chat."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from apps.accounts.principal import Principal
from apps.opie.models import AgentOSSession

PAGE_SIZE = 40
A_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class HistoryLink:
    """One chat in the list."""

    pk: UUID
    shown_title: str
    address: str


@dataclass(slots=True)
class HistoryGroup:
    """The chats of one day or month."""

    label: str
    sessions: list[HistoryLink] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class History:
    """One page of the list. `current` is the chat that is open."""

    groups: list[HistoryGroup]
    search: str = ""
    current: UUID | None = None
    next_page: int | None = None


def history_of(principal: Principal, search: str = "", current: UUID | None = None, page: int = 1) -> History:
    """One query, whatever the number of chats."""
    words = search.strip()[:200]
    sessions = (
        AgentOSSession.objects.visible_to(principal)
        .filter(is_archived=False, message_count__gt=0)
        .containing(words)
        .select_related("agent")
        .order_by("-updated_at")
    )
    start = (page - 1) * PAGE_SIZE
    found = list(sessions[start : start + PAGE_SIZE + 1])
    groups: list[HistoryGroup] = []
    today = timezone.localdate()
    for session in found[:PAGE_SIZE]:
        label = _label(session.updated_at, today)
        if not groups or groups[-1].label != label:
            groups.append(HistoryGroup(label))
        groups[-1].sessions.append(link_to(session))
    return History(groups, words, current, page + 1 if len(found) > PAGE_SIZE else None)


def link_to(session: AgentOSSession) -> HistoryLink:
    """Where a chat goes on; one whose agent is gone can still be read."""
    if session.agent is None:
        address = reverse("pages:session", args=[session.pk])
    else:
        address = f"{reverse('pages:chat', args=[session.agent.agent_id])}?session={session.pk}"
    return HistoryLink(session.pk, session.title or _("New chat"), address)


def _label(moment: datetime, today: date) -> str:
    day = timezone.localtime(moment).date()
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    if day > today - A_WEEK:
        return _("Last 7 days")
    return formats.date_format(day, "YEAR_MONTH_FORMAT")
