"""Memories as Agno asks for them: plain, sync ORM code, reached through rows.run. A person has only their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from agno.db.schemas import UserMemory
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Count, F, Func, Max, QuerySet

from apps.accounts.principal import Principal
from apps.opie.agentos.session_rows import as_uuid, names
from apps.opie.agentos.sessions_mapping import type_of_kind
from apps.opie.engine.speaking import marked, only_the_user_speaks, speaks_for_many
from apps.opie.models import Agent, AgentOSMemory
from apps.opie.scope import RunScope
from apps.opie.storable import clean_text

MOST_MEMORIES_AT_ONCE = 1000
MOST_CHARACTERS = 10_000
MOST_TOPICS, LONGEST_TOPIC = 50, 100
MOST_IN_A_PROMPT = 100
MOST_CHARACTERS_IN_A_PROMPT = 12_000
_SORTABLE = {"updated_at": "updated_at", "created_at": "created_at", "memory_id": "id", "memory": "memory"}


@dataclass(frozen=True)
class MemoryFilter:
    """What a list of memories is narrowed and ordered by."""

    component_id: str | None = None
    topics: Sequence[str] | None = None
    search_content: str | None = None
    limit: int | None = None
    page: int | None = None
    sort_by: str | None = None
    sort_order: str | None = None


def memories_of(principal: Principal, scope: RunScope | None = None) -> QuerySet[AgentOSMemory]:
    """This person's memories; while an agent runs, those that are of this agent alone, and none where others speak
    through this person."""
    found = AgentOSMemory.objects.visible_to(principal)
    if scope is None:
        return found
    if scope.agent_pk is None or speaks_for_many(principal):
        return found.none()
    return found.filter(~marked(scope.session_id), agent=scope.agent_pk)


def find_memory(principal: Principal, memory_id: str | None, scope: RunScope | None = None) -> AgentOSMemory | None:
    key = as_uuid(memory_id)
    return memories_of(principal, scope).select_related("agent").filter(pk=key).first() if key else None


def memories_for_run(principal: Principal, scope: RunScope) -> list[AgentOSMemory]:
    """What the agent that runs is told about this person: the latest, as much as suits a prompt."""
    latest = memories_of(principal, scope).select_related("agent").order_by("-updated_at", "-id")[:MOST_IN_A_PROMPT]
    found, left = [], MOST_CHARACTERS_IN_A_PROMPT
    for row in latest:
        left -= len(row.memory)
        if left < 0:
            break
        found.append(row)
    return found


def read_memories(principal: Principal, wanted: MemoryFilter) -> tuple[list[AgentOSMemory], int]:
    """One page of this person's memories, and how many there are."""
    found = memories_of(principal).select_related("agent")
    if wanted.component_id is not None:
        found = found.filter(agent__agent_id=wanted.component_id)
    if wanted.topics:
        found = found.filter(topics__overlap=list(wanted.topics))
    if wanted.search_content:
        found = found.filter(memory__icontains=clean_text(wanted.search_content))
    order = getattr(wanted.sort_order, "value", wanted.sort_order) or "desc"
    sign = "" if order == "asc" else "-"
    ordered = found.order_by(f"{sign}{_SORTABLE.get(wanted.sort_by or '', 'updated_at')}", f"{sign}id")
    limit = min(wanted.limit or MOST_MEMORIES_AT_ONCE, MOST_MEMORIES_AT_ONCE)
    start = (max(wanted.page or 1, 1) - 1) * limit
    return list(ordered[start : start + limit]), found.count()


def store_memory(principal: Principal, memory: UserMemory, scope: RunScope | None = None) -> AgentOSMemory | None:
    """Keeps a memory of this person, or changes one of theirs; while an agent runs, one of its own. None for an id
    that cannot be theirs, and where others speak through this person."""
    key = as_uuid(memory.memory_id)
    if key is None or principal.team_id is None or not names(principal, memory.user_id):
        return None
    if scope is not None and not only_the_user_speaks(principal, scope.session_id):
        return None
    values: dict[str, Any] = {
        "memory": clean_text(str(memory.memory))[:MOST_CHARACTERS],
        "topics": [clean_text(str(topic))[:LONGEST_TOPIC] for topic in memory.topics or []][:MOST_TOPICS],
    }
    if memory.input is not None:
        values["input"] = clean_text(str(memory.input))[:MOST_CHARACTERS]
    row = find_memory(principal, memory.memory_id, scope)
    is_new = row is None
    if row is None:
        row = AgentOSMemory(pk=key, user_id=principal.user_id, team_id=principal.team_id)
        row.agent_id = _agent_pk(principal, memory) if scope is None else scope.agent_pk
    for name, value in values.items():
        setattr(row, name, value)
    try:
        with transaction.atomic():
            row.save(force_insert=is_new, force_update=not is_new)
    except (IntegrityError, DatabaseError):
        return None  # the id is somebody else's, or what was to be changed was forgotten meanwhile
    return row


def delete_memories(principal: Principal, memory_ids: Sequence[str], scope: RunScope | None = None) -> int:
    keys = [key for key in map(as_uuid, memory_ids) if key]
    deleted, _ = memories_of(principal, scope).filter(pk__in=keys).delete()
    return deleted


def clear_memories(principal: Principal, scope: RunScope | None = None) -> None:
    """Forgets what is kept about this person in this team; nobody else's, and while an agent runs, only its own."""
    memories_of(principal, scope).delete()


def topics_of(principal: Principal) -> list[str]:
    topics = AgentOSMemory.objects.visible_to(principal).annotate(topic=Func(F("topics"), function="unnest"))
    return sorted(set(topics.values_list("topic", flat=True)))


def stats_of(principal: Principal) -> tuple[list[dict[str, Any]], int]:
    """How many memories this person has and when the last was changed: one row, or none."""
    stats = AgentOSMemory.objects.visible_to(principal).aggregate(total=Count("pk"), latest=Max("updated_at"))
    if not stats["total"]:
        return [], 0
    latest: datetime = stats["latest"]
    row = {
        "user_id": str(principal.user_id),
        "total_memories": stats["total"],
        "last_memory_updated_at": int(latest.timestamp()),
    }
    return [row], 1


def memory_of(row: AgentOSMemory) -> UserMemory:
    """The row as Agno knows it."""
    return UserMemory(**memory_dict_of(row))


def memory_dict_of(row: AgentOSMemory) -> dict[str, Any]:
    is_team = row.agent is not None and type_of_kind(row.agent.kind).value == "team"
    return {
        "memory_id": str(row.pk),
        "memory": row.memory,
        "topics": list(row.topics),
        "input": row.input or None,
        "user_id": str(row.user_id),
        "agent_id": row.agent.agent_id if row.agent is not None and not is_team else None,
        "team_id": row.agent.agent_id if row.agent is not None and is_team else None,
        "created_at": int(row.created_at.timestamp()),
        "updated_at": int(row.updated_at.timestamp()),
    }


def _agent_pk(principal: Principal, memory: UserMemory) -> UUID | None:
    component_id = memory.agent_id or memory.team_id
    if not component_id:
        return None
    return Agent.objects.visible_to(principal).filter(agent_id=component_id).values_list("pk", flat=True).first()
