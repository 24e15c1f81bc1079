"""Schedules as their owner makes, changes and sees them."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.audit import record
from apps.accounts.models import User
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotFound
from apps.opie.engine.cron import check_schedule, times_after
from apps.opie.models import Agent, AgentOSSchedule, AgentOSSession

TIMES_SHOWN = 5


def own_schedule(principal: Principal, schedule_id: UUID, *, locked: bool = False) -> AgentOSSchedule:
    """The person's schedule of this id. Raises NotFound, for somebody else's too."""
    schedules = AgentOSSchedule.objects.visible_to(principal).select_related("agent")
    if locked:
        schedules = schedules.select_for_update(of=("self",))
    schedule = schedules.filter(pk=schedule_id).first()
    if schedule is None:
        raise NotFound("There is no such schedule.", code="schedule_not_found")
    return schedule


@transaction.atomic
def create_schedule(principal: Principal, values: dict[str, Any]) -> AgentOSSchedule:
    """A new schedule of this person's. Raises InvalidInput, NotFound for an agent or session that is not there for
    them, and Conflict when they have as many as one may have."""
    _refuse_one_too_many(principal)
    schedule = AgentOSSchedule(user_id=principal.user_id, team_id=principal.acting_team)
    _put(principal, schedule, values)
    schedule.save(force_insert=True)
    record(principal, "schedule.created", schedule, after=_audited(schedule))
    return schedule


@transaction.atomic
def change_schedule(principal: Principal, schedule_id: UUID, values: dict[str, Any]) -> AgentOSSchedule:
    """Change what is given; from then on it acts with the rights of whoever changed it. Raises like create_schedule."""
    schedule = own_schedule(principal, schedule_id, locked=True)
    before = _audited(schedule)
    _put(principal, schedule, values)
    schedule.save()
    record(principal, "schedule.changed", schedule, before=before, after=_audited(schedule))
    return schedule


@transaction.atomic
def delete_schedule(principal: Principal, schedule_id: UUID) -> None:
    """Its runs stay."""
    schedule = own_schedule(principal, schedule_id, locked=True)
    record(principal, "schedule.deleted", schedule, before=_audited(schedule))
    schedule.delete()


def schedule_as_json(schedule: AgentOSSchedule) -> dict[str, Any]:
    """A schedule with its next times, in its own time zone. Queries nothing when the agent is at hand."""
    return {
        "schedule_id": str(schedule.pk),
        "name": schedule.name,
        "agent_id": schedule.agent.agent_id,
        "session_id": str(schedule.session_id) if schedule.session_id else None,
        "message": schedule.message,
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "most_attempts": schedule.most_attempts,
        "is_enabled": schedule.is_enabled,
        "problem": schedule.problem,
        "next_times": _next_times(schedule),
        "last_run_at": schedule.last_run_at.isoformat() if schedule.last_run_at else None,
        "created_at": schedule.created_at.isoformat(),
        "updated_at": schedule.updated_at.isoformat(),
    }


def _next_times(schedule: AgentOSSchedule) -> list[str]:
    if not schedule.is_enabled or schedule.next_run_at is None:
        return []
    later = times_after(schedule.cron, schedule.time_zone, schedule.next_run_at, TIMES_SHOWN - 1)
    return [moment.astimezone(schedule.zone).isoformat() for moment in (schedule.next_run_at, *later)]


def _put(principal: Principal, schedule: AgentOSSchedule, values: dict[str, Any]) -> None:
    """Take the values over, and find its next time. Stores nothing."""
    values = dict(values)
    if "agent_id" in values:
        schedule.agent = _agent(principal, values.pop("agent_id"))
    if "session_id" in values:
        schedule.session_id = _session(principal, values.pop("session_id"))
    for name, value in values.items():
        setattr(schedule, name, value)
    check_schedule(schedule.cron, schedule.time_zone, now := timezone.now())
    schedule.api_key_id, schedule.problem = principal.api_key_id, ""
    schedule.next_run_at = None
    if schedule.is_enabled:
        (schedule.next_run_at,) = times_after(schedule.cron, schedule.time_zone, now, 1)


def _agent(principal: Principal, agent_id: str) -> Agent:
    agent = Agent.objects.served_to(principal).filter(agent_id=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.", code="agent_not_found")
    return agent


def _session(principal: Principal, session_id: UUID | None) -> UUID | None:
    if session_id and not AgentOSSession.objects.visible_to(principal).filter(pk=session_id).exists():
        raise NotFound("There is no such session.", code="session_not_found")
    return session_id


def _refuse_one_too_many(principal: Principal) -> None:
    User.objects.select_for_update(no_key=True).get(pk=principal.user_id)  # parallel requests count one after another
    most = settings.OPIE_SCHEDULES_PER_PERSON
    if AgentOSSchedule.objects.visible_to(principal).count() >= most:
        raise Conflict(f"You may have {most} schedules. Delete one that is not needed.", code="too_many_schedules")


def _audited(schedule: AgentOSSchedule) -> dict[str, Any]:
    """What was asked stays the person's own: the audit trail says when, and whom."""
    told = ("name", "cron", "time_zone", "most_attempts", "is_enabled")
    return {"agent_id": schedule.agent.agent_id} | {name: getattr(schedule, name) for name in told}
