"""Who may be chosen: the rows of agents, read and made ready once for as long as none of them changes. Sync."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Func, Q, TextField, Value
from django.db.models.functions import MD5

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.opie.engine.dispatcher.index import Index
from apps.opie.engine.dispatcher.likeness import Examples
from apps.opie.engine.dispatcher.matching import Profile
from apps.opie.engine.dispatcher.vocabulary import capabilities as known_capabilities
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind, AgentQuerySet, AgentStatus, AgentVisibility

MOST_KEPT = 50
MOST_NAMED = 30
# Who can do this is asked where nobody fits, and is no candidate else.
ANYTHING = "GENERAL_ASSISTANCE"
ANSWERING = (AgentKind.TASK, AgentKind.CONVERSATIONAL, AgentKind.TEAM)

# PostgreSQL's own mark on each version of a row.
_ROW = "opie_agent.id::text || opie_agent.xmin::text || opie_agent.ctid::text || %(expressions)s"


@dataclass(frozen=True, slots=True)
class Member:
    """An agent of the roster, as far as it is chosen by."""

    pk: UUID
    agent_id: str
    name: str
    priority: int


@dataclass(frozen=True, slots=True)
class Roster:
    """The agents that one person may be given, by agent_id."""

    members: dict[str, Member]
    index: Index
    examples: Examples


def roster_for(principal: Principal | None, capabilities: Sequence[str] = ()) -> Roster:
    """The agents that this person may talk to (for nobody in particular, the installation's) and that have all these
    capabilities. Raises InvalidInput for a capability that nobody has heard of."""
    served = _served(principal)
    agents = served.filter(capabilities__contains=list(capabilities)) if capabilities else _telling(served)
    stamp = agents.order_by().aggregate(stamp=MD5(StringAgg(_STAMP, delimiter="", order_by="pk")))["stamp"]
    if stamp is None:
        _refuse_unknown(served, capabilities)
        return _EMPTY
    roster = _kept.get(stamp)
    if roster is None:
        roster = _made_of(agents.order_by("agent_id"))
        _keep(stamp, roster)
    return roster


_STAMP = Func(Value("", output_field=TextField()), template=_ROW, output_field=TextField())


def _served(principal: Principal | None) -> AgentQuerySet:
    if principal is not None:
        return Agent.objects.served_to(principal).filter(kind__in=ANSWERING)
    return Agent.objects.filter(
        team=None, visibility=AgentVisibility.PUBLIC, status=AgentStatus.PUBLISHED, kind__in=ANSWERING
    )


def _telling(agents: AgentQuerySet) -> AgentQuerySet:
    """Those that say what they can do."""
    silent = Q(capabilities=[], starters=[], description="")
    return agents.exclude(silent).exclude(capabilities__contains=[ANYTHING])


def _made_of(agents: AgentQuerySet) -> Roster:
    read = agents.values_list("pk", "agent_id", "name", "priority", "description", "capabilities", "starters")
    members: dict[str, Member] = {}
    profiles = []
    for pk, agent_id, name, priority, description, codes, starters in read:
        members[agent_id] = Member(pk, agent_id, name, priority)
        profiles.append(Profile(agent_id, name, description, tuple(codes), tuple(starters)))
    index = Index(profiles)
    return Roster(members, index, Examples(index.examples))


def _refuse_unknown(served: AgentQuerySet, capabilities: Sequence[str]) -> None:
    """Nobody has all of these: it is for whoever asked to put right, where nobody could have one of them."""
    there = {code for codes in served.values_list("capabilities", flat=True) for code in codes}
    known = {*there, *known_capabilities(), ANYTHING}
    unknown = [code for code in capabilities if code not in known]
    if unknown:
        names = ", ".join(sorted(there)[:MOST_NAMED]) or "none"
        raise InvalidInput(fields={"capabilities": [f"Unknown: {', '.join(unknown)}. Agents here have: {names}."]})


_EMPTY = Roster({}, Index([]), Examples([]))
_kept: OrderedDict[str, Roster] = OrderedDict()
_lock = Lock()


def _keep(stamp: str, roster: Roster) -> None:
    with _lock:
        _kept[stamp] = roster
        _kept.move_to_end(stamp)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
