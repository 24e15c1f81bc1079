"""The chats of one person, newest first: the list beside every chat, grouped by day, and what the page of all shows."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from apps.accounts.principal import Principal
from apps.opie.agentos.narrowing import narrowed
from apps.opie.models import AgentOSSession
from apps.opie.models.sessions import AgentOSSessionQuerySet

PAGE_SIZE = 40
A_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """What the page of all chats asks for; `since` and `until` are days as they were typed."""

    q: str = ""
    agent: str = ""
    since: str = ""
    until: str = ""
    archived: bool = False

    @classmethod
    def of(cls, asked: QueryDict) -> "HistoryFilters":
        q, agent, since, until = (asked.get(name, "").strip()[:200] for name in ("q", "agent", "from", "to"))
        return cls(q, agent, since, until, bool(asked.get("archived")))

    @property
    def narrows(self) -> bool:
        return self != HistoryFilters()

    @property
    def as_query(self) -> str:
        """These filters as the end of an address of the page."""
        said = {"q": self.q, "agent": self.agent, "from": self.since, "to": self.until}
        said |= {"archived": "1" if self.archived else ""}
        return urlencode({name: value for name, value in said.items() if value})

    @property
    def for_export(self) -> dict[str, str]:
        """The same narrowing as REST has it: what is shown is what is taken away."""
        asked = {"search": self.q, "agent_id": self.agent, "from": self.since, "to": self.until}
        asked |= {"is_archived": "true" if self.archived else "false", "is_empty": "false"}
        return {name: value for name, value in asked.items() if value}

    def sessions_of(self, principal: Principal) -> AgentOSSessionQuerySet:
        """Raises InvalidInput for what is no day."""
        return narrowed(AgentOSSession.objects.visible_to(principal), QueryDict(urlencode(self.for_export)))


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
