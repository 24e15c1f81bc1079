"""Sessions as Agno asks for them: plain, sync ORM code, reached through rows.run. Every read starts at visible_to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from agno.db.base import SessionType
from agno.metrics import RunMetrics
from agno.session import AgentSession, TeamSession
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import Conflict
from apps.api.ids import uuid7_floor
from apps.opie.agentos import sessions_mapping as mapping
from apps.opie.agentos.sessions_mapping import AGNO_KEY, NAME_WHEN_READ, AnySession, RunParts
from apps.opie.engine.recording import STALE_AFTER
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession, AgentOSUsage
from apps.opie.models.agents import AgentKind
from apps.opie.models.runs import RunStatus
from apps.opie.storable import clean_json, clean_text

MOST_AGNO_DATA = 64 * 1024
MOST_SESSIONS_AT_ONCE = 200
_SORTABLE = {"created_at": "created_at", "updated_at": "updated_at", "session_name": "title", "session_id": "id"}
# Made by us when a session is read; the rows they come from are the truth.
_DERIVED = ("session_name", NAME_WHEN_READ, "session_metrics")


class SessionDataTooLarge(ValueError):  # noqa: N818 - it reads as what happened
    """Agno wants to keep more with a session than fits."""


@dataclass(frozen=True)
class SessionFilter:
    """What a list of sessions is narrowed and ordered by."""

    session_type: SessionType | None = None
    component_id: str | None = None
    session_name: str | None = None
    start_timestamp: int | None = None
    end_timestamp: int | None = None
    limit: int | None = None
    page: int | None = None
    sort_by: str | None = None
    sort_order: str | None = None


@dataclass(frozen=True)
class Reading:
    """How much is read with a session: its latest runs, whether their figures are wanted, and whether it is only for
    a model to know what was said."""

    runs: int
    figures: bool = False
    for_context: bool = False


def as_uuid(text: str | None) -> UUID | None:
    """The id, or None for what cannot be one of ours."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def sessions_of(principal: Principal) -> QuerySet[AgentOSSession]:
    return AgentOSSession.objects.visible_to(principal).select_related("agent")


def find_session(principal: Principal, session_id: str | None) -> AgentOSSession | None:
    """The session when it is this person's, else None; a foreign id reads like an unknown one."""
    key = as_uuid(session_id)
    return sessions_of(principal).filter(pk=key).first() if key else None


def read_session(
    principal: Principal, session_id: str, reading: Reading
) -> tuple[AgentOSSession, list[RunParts]] | None:
    """A session with its latest runs, oldest first."""
    row = find_session(principal, session_id)
    if row is None:
        return None
    return row, latest_runs(principal, [row], reading)[row.pk]


def read_sessions(
    principal: Principal, wanted: SessionFilter, reading: Reading | None
) -> tuple[list[tuple[AgentOSSession, list[RunParts]]], int]:
    """One page of sessions, each with its latest runs unless `reading` is None, and how many there are."""
    found = _filtered(sessions_of(principal), wanted)
    count = found.count()
    rows = list(_page(_ordered(found, wanted), wanted))
    runs = latest_runs(principal, rows, reading) if reading else {}
    return [(row, runs.get(row.pk, [])) for row in rows], count


def latest_runs(
    principal: Principal, sessions: Sequence[AgentOSSession], reading: Reading
) -> dict[UUID, list[RunParts]]:
    """The latest runs of each session, oldest first, in three queries however many sessions there are."""
    runs = AgentOSRun.objects.visible_to(principal).filter(session__in=[row.pk for row in sessions])
    if reading.for_context:
        # What is no history must not use up the window; the run under way is stored already, and its question
        # would be asked twice.
        runs = runs.filter(parent=None, status=RunStatus.COMPLETED)
    # Not by id: plain Agno runs bring ids of their own, which are in no order.
    if len(sessions) == 1:
        found = list(runs.select_related("agent").order_by("-created_at", "-id")[: reading.runs])
    else:
        place = Window(RowNumber(), partition_by=F("session_id"), order_by=[F("created_at").desc(), F("id").desc()])
        bounded = runs.annotate(place=place).filter(place__lte=reading.runs)
        found = list(bounded.select_related("agent").order_by("-created_at", "-id"))
    return by_session(with_parts(found[::-1], figures=reading.figures), sessions)


def by_session(runs: Sequence[RunParts], sessions: Sequence[AgentOSSession]) -> dict[UUID, list[RunParts]]:
    grouped: dict[UUID, list[RunParts]] = {row.pk: [] for row in sessions}
    for run in runs:
        if run.row.session_id is not None:
            grouped[run.row.session_id].append(run)
    return grouped


def with_parts(runs: Sequence[AgentOSRun], *, figures: bool) -> list[RunParts]:
    """Runs with their messages and, when wanted, their tokens and times."""
    messages = AgentOSMessage.objects.filter(run__in=[run.pk for run in runs]).order_by("session_id", "number")
    return mapping.parts_of(runs, messages, figures_of(runs) if figures else {})


def figures_of(runs: Sequence[AgentOSRun]) -> dict[UUID, RunMetrics]:
    """Tokens from the ledger and times from the performance rows, by run."""
    if not runs:
        return {}
    # Usage is partitioned by month on its id: the bound keeps older partitions out of it.
    since = uuid7_floor(min(run.created_at for run in runs))
    totals = (
        AgentOSUsage.objects.filter(run__in=[run.pk for run in runs], id__gte=since)
        .values("run_id")
        .annotate(
            input=Sum("input_tokens"),
            output=Sum("output_tokens"),
            cached=Sum("cached_tokens"),
            reasoning=Sum("reasoning_tokens"),
        )
        .order_by()
    )
    times = dict(
        AgentOSRun.objects.filter(pk__in=[run.pk for run in runs], performance__isnull=False).values_list(
            "pk", "performance__duration_ms"
        )
    )
    return {
        total["run_id"]: RunMetrics(
            input_tokens=total["input"] or 0,
            output_tokens=total["output"] or 0,
            total_tokens=(total["input"] or 0) + (total["output"] or 0),
            cache_read_tokens=total["cached"] or 0,
            reasoning_tokens=total["reasoning"] or 0,
            duration=times[total["run_id"]] / 1000 if total["run_id"] in times else None,
        )
        for total in totals
    }


def store_session(principal: Principal, session: AnySession) -> AgentOSSession | None:
    """Makes the session for this person, or changes title and Agno's data of one they own; nothing else of it.

    None for an id that cannot be a session of theirs: no UUID, somebody else's, or another person named as owner.
    Raises SessionDataTooLarge.
    """
    key = as_uuid(session.session_id)
    if key is None or principal.team_id is None or not names(principal, session.user_id):
        return None
    with transaction.atomic():
        row = sessions_of(principal).select_for_update(of=("self",)).filter(pk=key).first()
        if row is None:
            return _insert(principal, principal.team_id, key, session)
        _change(row, session)
        return row


def changes_nothing(known: dict[str, Any], session: AnySession) -> bool:
    """Whether what Agno wants to keep with a session is what is known to be kept with it."""
    return _agno_data(session) == {name: known[name] for name in ("session_data", "metadata") if known.get(name)}


def insert_session_if_absent(principal: Principal, session: AnySession) -> bool | None:
    """True when it was made, False when this person has it already, None when the id cannot be theirs."""
    if find_session(principal, session.session_id) is not None:
        return False
    return True if store_session(principal, session) is not None else None


def rename_session(principal: Principal, session_id: str, title: str) -> AgentOSSession | None:
    row = find_session(principal, session_id)
    if row is not None:
        row.title = clean_text(title)[:200]
        row.save(update_fields=["title", "updated_at"])
    return row


def delete_sessions(principal: Principal, session_ids: Sequence[str]) -> int:
    """How many of these this person had and has no more. Raises Conflict while an answer is written in one of them."""
    keys = [key for key in map(as_uuid, session_ids) if key]
    own = AgentOSSession.objects.visible_to(principal).filter(pk__in=keys)
    with transaction.atomic():
        found = list(own.select_for_update().values_list("pk", flat=True))
        live = AgentOSRun.objects.live().filter(session__in=found)
        if live.filter(heartbeat_at__gte=timezone.now() - STALE_AFTER).exists():
            raise Conflict(
                "An answer is being written in this session. Wait for it, or stop it first.", code="session_busy"
            )
        own.filter(pk__in=found).delete()
    return len(found)


def names(principal: Principal, user_id: str | None) -> bool:
    """Whether Agno's user_id, where it gives one, means this person. `default` is its word for none."""
    return user_id in (None, "", "default", str(principal.user_id))


def _filtered(sessions: QuerySet[AgentOSSession], wanted: SessionFilter) -> QuerySet[AgentOSSession]:
    if wanted.session_type is not None:
        sessions = sessions.filter(_of_type(SessionType(wanted.session_type)))
    if wanted.component_id is not None:
        by_row = Q(agent__agent_id=wanted.component_id)
        by_plain = Q(agent=None, **{f"metadata__{AGNO_KEY}__component_id": wanted.component_id})
        sessions = sessions.filter(by_row | by_plain)
    if wanted.session_name:
        sessions = sessions.filter(title__icontains=wanted.session_name)
    if wanted.start_timestamp is not None:
        sessions = sessions.filter(created_at__gte=datetime.fromtimestamp(wanted.start_timestamp, UTC))
    if wanted.end_timestamp is not None:
        sessions = sessions.filter(created_at__lte=datetime.fromtimestamp(wanted.end_timestamp, UTC))
    return sessions


def _of_type(session_type: SessionType) -> Q:
    kinds = [kind for kind in AgentKind if mapping.type_of_kind(kind) == session_type]
    plain = Q(agent=None, **{f"metadata__{AGNO_KEY}__type": session_type.value})
    if session_type == SessionType.AGENT:
        plain |= Q(agent=None) & ~Q(metadata__has_key=AGNO_KEY)
    return Q(agent__kind__in=kinds) | plain


def _ordered(sessions: QuerySet[AgentOSSession], wanted: SessionFilter) -> QuerySet[AgentOSSession]:
    column = _SORTABLE.get(wanted.sort_by or "", "created_at")
    order = getattr(wanted.sort_order, "value", wanted.sort_order) or "desc"
    sign = "" if order == "asc" else "-"
    return sessions.order_by(f"{sign}{column}", f"{sign}id")


def _page(sessions: QuerySet[AgentOSSession], wanted: SessionFilter) -> QuerySet[AgentOSSession]:
    limit = min(wanted.limit or MOST_SESSIONS_AT_ONCE, MOST_SESSIONS_AT_ONCE)
    start = (max(wanted.page or 1, 1) - 1) * limit
    return sessions[start : start + limit]


def _insert(principal: Principal, team_id: UUID, key: UUID, session: AnySession) -> AgentOSSession | None:
    session_type, component_id = _component_in(session)
    row = AgentOSSession(
        pk=key,
        user_id=principal.user_id,
        team_id=team_id,
        agent=Agent.objects.visible_to(principal).filter(agent_id=component_id).first() if component_id else None,
        title=_title_in(session) or "",
    )
    row.metadata = {AGNO_KEY: {"type": session_type.value, "component_id": component_id, **_agno_data(session)}}
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None  # the id is somebody else's, which reads like one that cannot be had
    return row


def _change(row: AgentOSSession, session: AnySession) -> None:
    title = _title_in(session)
    renamed = title is not None and title != (session.session_data or {}).get(NAME_WHEN_READ)
    kept = {name: value for name, value in mapping.agno_part(row).items() if name not in ("session_data", "metadata")}
    kept |= _agno_data(session)
    if not renamed and kept == mapping.agno_part(row):
        return
    if title is not None and renamed:
        row.title = title
    row.metadata = {**row.metadata, AGNO_KEY: kept} if kept else row.metadata
    row.save(update_fields=["title", "metadata", "updated_at"])


def _component_in(session: AnySession) -> tuple[SessionType, str | None]:
    if isinstance(session, TeamSession):
        return SessionType.TEAM, session.team_id
    if isinstance(session, AgentSession):
        return SessionType.AGENT, session.agent_id
    return SessionType.WORKFLOW, session.workflow_id


def _title_in(session: AnySession) -> str | None:
    title = (session.session_data or {}).get("session_name")
    return clean_text(title)[:200] if isinstance(title, str) and title else None


def _agno_data(session: AnySession) -> dict[str, Any]:
    kept = {name: value for name, value in (session.session_data or {}).items() if value and name not in _DERIVED}
    parts = {name: value for name, value in (("session_data", kept), ("metadata", session.metadata)) if value}
    text = json.dumps(parts, default=str)
    if len(text) > MOST_AGNO_DATA:
        raise SessionDataTooLarge(f"Agno's data of a session may take {MOST_AGNO_DATA} bytes; this takes {len(text)}.")
    data: dict[str, Any] = clean_json(json.loads(text))
    return data
