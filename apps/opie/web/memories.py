"""What agents remember about a person, as that person sees it: by agent, searchable, and forgotten with a way back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils.dateparse import parse_datetime

from apps.accounts.principal import Principal
from apps.api.errors import NotFound
from apps.opie.models import Agent, AgentOSMemory

PAGE_SIZE = 100
UNDO_WITHIN_SECONDS = 24 * 60 * 60
_SALT = "opie.memory.forgotten"


@dataclass(slots=True)
class MemoryGroup:
    """What one agent remembers; `count` is all of it, not only what is on this page."""

    agent: Agent | None
    count: int
    memories: list[AgentOSMemory] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Memories:
    """One page of what is remembered."""

    groups: list[MemoryGroup]
    total: int
    agents: list[tuple[str, str, int]]
    next_page: int | None


def memories_of(principal: Principal, search: str = "", agent_id: str = "", page: int = 1) -> Memories:
    """Two queries, however much it is."""
    mine = AgentOSMemory.objects.visible_to(principal)
    counted = mine.order_by("agent__name").values_list("agent", "agent__agent_id", "agent__name")
    counts = list(counted.annotate(count=Count("pk")))
    found = mine.select_related("agent").order_by("agent__name", "agent", "-updated_at", "-id")
    if search:
        found = found.filter(memory__icontains=search)
    if agent_id:
        found = found.filter(agent__agent_id=agent_id)
    start = (page - 1) * PAGE_SIZE
    rows = list(found[start : start + PAGE_SIZE + 1])
    by_agent = {pk: count for pk, _, _, count in counts}
    agents = [(slug, name, count) for _, slug, name, count in counts if slug]
    more = page + 1 if len(rows) > PAGE_SIZE else None
    return Memories(_grouped(rows[:PAGE_SIZE], by_agent), sum(by_agent.values()), agents, more)


def own_memory(principal: Principal, memory_id: UUID) -> AgentOSMemory:
    """The person's memory of this id. Raises NotFound, for somebody else's too."""
    memory = AgentOSMemory.objects.visible_to(principal).select_related("agent").filter(pk=memory_id).first()
    if memory is None:
        raise NotFound("There is no such memory.", code="memory_not_found")
    return memory


def forget(memory: AgentOSMemory) -> str:
    """Forget one memory, at once. Answers a signed text that brings it back."""
    kept = {
        "id": str(memory.pk),
        "user": str(memory.user_id),
        "team": str(memory.team_id),
        "agent": str(memory.agent_id or ""),
        "memory": memory.memory,
        "topics": memory.topics,
        "input": memory.input,
        "created_at": memory.created_at.isoformat(),
        "updated_at": memory.updated_at.isoformat(),
    }
    memory.delete()
    return signing.dumps(kept, salt=_SALT, compress=True)


def bring_back(principal: Principal, signed: str) -> AgentOSMemory:
    """Undo `forget`. Raises NotFound for a text that is not ours, not this person's, or too old."""
    try:
        kept: Mapping[str, Any] = signing.loads(signed, salt=_SALT, max_age=UNDO_WITHIN_SECONDS)
    except signing.BadSignature:
        raise NotFound from None
    if (kept["user"], kept["team"]) != (str(principal.user_id), str(principal.team_id)):
        raise NotFound
    agent = Agent.objects.filter(pk=kept["agent"]).first() if kept["agent"] else None
    values = {name: kept[name] for name in ("memory", "topics", "input")}
    try:
        with transaction.atomic():
            memory = AgentOSMemory.objects.create(
                pk=UUID(kept["id"]), user_id=principal.user_id, team_id=principal.acting_team, agent=agent, **values
            )
    except IntegrityError:
        return own_memory(principal, UUID(kept["id"]))  # brought back already
    times = {name: parse_datetime(kept[name]) for name in ("created_at", "updated_at")}
    AgentOSMemory.objects.filter(pk=memory.pk).update(**times)
    return own_memory(principal, memory.pk)


def of_agent(principal: Principal, agent_id: str) -> QuerySet[AgentOSMemory]:
    """All that one agent remembers about this person; for an empty id, what is left of agents that are gone."""
    mine = AgentOSMemory.objects.visible_to(principal)
    return mine.filter(agent__agent_id=agent_id) if agent_id else mine.filter(agent=None)


def _grouped(rows: list[AgentOSMemory], counts: Mapping[Any, int]) -> list[MemoryGroup]:
    groups: list[MemoryGroup] = []
    for memory in rows:
        if not groups or (groups[-1].agent and groups[-1].agent.pk) != memory.agent_id:
            groups.append(MemoryGroup(memory.agent, counts.get(memory.agent_id, 0)))
        groups[-1].memories.append(memory)
    return groups
