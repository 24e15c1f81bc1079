"""The dispatcher's choices as a person looks back on them: narrowed, a page at a time, with names for agents' ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.principal import Principal
from apps.opie.engine.dispatcher.scoring import WEIGHTS
from apps.opie.models import Agent, DispatchDecision
from apps.opie.models.runs import RunStatus

PAGE_SIZE = 25
_FAILED = (RunStatus.FAILED, RunStatus.INTERRUPTED)
_ENDED = (RunStatus.COMPLETED, RunStatus.CANCELLED, *_FAILED)

OUTCOMES: Mapping[str, tuple[Any, Q]] = {
    "well": (_("Went well"), Q(run__status=RunStatus.COMPLETED)),
    "failed": (_("Failed"), Q(run__status__in=_FAILED)),
    "stopped": (_("Stopped"), Q(run__status=RunStatus.CANCELLED)),
    "going": (_("Not ended yet"), Q(run__isnull=False) & ~Q(run__status__in=_ENDED)),
    "none": (_("Nothing was run"), Q(run=None) & ~Q(chosen="")),
    "nobody": (_("Nobody fitted"), Q(chosen="")),
}
PERIODS: Mapping[str, tuple[Any, timedelta | None]] = {
    "": (_("All time"), None),
    "7": (_("The last 7 days"), timedelta(days=7)),
    "30": (_("The last 30 days"), timedelta(days=30)),
    "90": (_("The last 90 days"), timedelta(days=90)),
}
_PARTS = {
    "success_rate": _("Success rate"),
    "response_time": _("Response time"),
    "experience": _("Experience"),
    "priority": _("Priority"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a score, and the most that it can be."""

    label: str
    value: float
    most: float


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """One candidate of a choice. `words` are what in the task spoke for it."""

    agent_id: str
    name: str
    score: float
    parts: list[Part]
    fit: float
    words: list[str]
    likeness: float | None


@dataclass(frozen=True, slots=True)
class ChoiceLine:
    """One choice in the list."""

    decision: DispatchDecision
    name: str

    @property
    def title(self) -> str:
        return " ".join(self.decision.task[:400].split())


def own_choices(principal: Principal) -> QuerySet[DispatchDecision]:
    """One's own choices, with what came of them."""
    return DispatchDecision.objects.visible_to(principal).select_related("run__performance")


def own_choice(principal: Principal, decision_id: UUID) -> DispatchDecision:
    """Raises Http404 for what is not there and for what is somebody else's."""
    return get_object_or_404(own_choices(principal), pk=decision_id)


def choices_of(
    principal: Principal, agent_id: str = "", outcome: str = "", since: datetime | None = None, page: int = 1
) -> "tuple[Page[DispatchDecision], list[ChoiceLine]]":
    """One page, newest first. What no filter knows narrows nothing."""
    found = own_choices(principal)
    if outcome in OUTCOMES:
        found = found.filter(OUTCOMES[outcome][1])
    if agent_id:
        found = found.filter(chosen=agent_id)
    if since is not None:
        found = found.filter(created_at__gte=since)
    shown = Paginator(found, PAGE_SIZE).get_page(page)
    names = names_of(principal, (decision.chosen for decision in shown))
    return shown, [ChoiceLine(decision, names.get(decision.chosen, decision.chosen)) for decision in shown]


def candidates_of(principal: Principal, decision: DispatchDecision) -> list[CandidateLine]:
    """Everybody who was a candidate, the best first, as it was then."""
    names = names_of(principal, (one["agent_id"] for one in decision.candidates))
    return [_candidate(one, names) for one in decision.candidates]


def since_of(period: str) -> datetime | None:
    """When a period began; None where it has no beginning, and for one that nobody knows."""
    length = PERIODS.get(period, PERIODS[""])[1]
    return None if length is None else timezone.now() - length


def names_of(principal: Principal, agent_ids: Iterable[str]) -> dict[str, str]:
    """The names, by agent_id, of those that the person may see; of others only the id is known that was chosen by."""
    wanted = {agent_id for agent_id in agent_ids if agent_id}
    found = Agent.objects.visible_to(principal).filter(agent_id__in=wanted) if wanted else Agent.objects.none()
    return dict(found.values_list("agent_id", "name"))


def _candidate(stored: dict[str, Any], names: Mapping[str, str]) -> CandidateLine:
    return CandidateLine(
        stored["agent_id"],
        names.get(stored["agent_id"], stored["agent_id"]),
        stored["score"],
        [Part(str(_PARTS[name]), stored["parts"][name], most) for name, most in WEIGHTS.items()],
        stored["fit"],
        list(stored["words"]),
        stored["likeness"],
    )
