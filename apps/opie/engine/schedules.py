"""Schedules by the clock: each time that is due becomes one run, whichever worker is first. Sync, for the worker.

Times that were missed, because no worker ran, are made up for once and not one by one.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts.principal import Principal, principal_now
from apps.api.errors import NotAllowed, NotFound, OpieError
from apps.opie.engine import parts
from apps.opie.engine.background import open_in_background
from apps.opie.engine.cron import times_after
from apps.opie.engine.opening import Ask, OpenedTurn
from apps.opie.ledger.notices import tell_person
from apps.opie.models import Agent, AgentOSRun, AgentOSSchedule

logger = logging.getLogger(__name__)

STILL_GOING = "Its run before this one had not ended."
NO_MORE_TIMES = "Its last time is over."


def take_due(now: datetime | None = None) -> list[UUID]:
    """Open a run for every schedule that is due, and find its next time. Answers the runs.

    One that fails by a fault of ours keeps its time and stops no other; the faults are raised together at the end.
    """
    now = now or timezone.now()
    due = AgentOSSchedule.objects.filter(is_enabled=True, next_run_at__lte=now).order_by("next_run_at")
    opened, faults = [], []
    for schedule_id, due_at in due.values_list("pk", "next_run_at"):
        try:
            run = take(schedule_id, due_at, now)
        except Exception as fault:  # noqa: BLE001 - raised below, when the others have had their turn
            faults.append(fault)
            continue
        if run is not None:
            opened.append(run.run_id)
    if faults:
        raise ExceptionGroup("Some schedules could not be looked at.", faults)
    return opened


@transaction.atomic
def take(schedule_id: UUID, due_at: datetime | None, now: datetime) -> OpenedTurn | None:
    """Run one schedule that is due at that time; None when another worker has, or when it cannot be run now."""
    schedule = AgentOSSchedule.objects.select_related("agent", "user").filter(pk=schedule_id).first()
    if schedule is None:
        return None
    following = times_after(schedule.cron, schedule.time_zone, now, 1)
    mine = AgentOSSchedule.objects.filter(pk=schedule_id, is_enabled=True, next_run_at=due_at)
    if not mine.update(next_run_at=following[0] if following else due_at, last_run_at=now, problem=""):
        return None
    if not following:
        _switch_off(schedule, NO_MORE_TIMES)
    if AgentOSRun.objects.live().filter(schedule_id=schedule_id).exists():
        _note(schedule, STILL_GOING)
        return None
    try:
        with transaction.atomic():
            return run_now(schedule)
    except (NotAllowed, NotFound) as refusal:
        _switch_off(schedule, refusal.message)
        _tell_owner(schedule, refusal.message)
    except OpieError as refusal:
        # A budget that is spent or a limit that is reached may let the next time pass.
        _note(schedule, refusal.message)
    return None


def run_now(schedule: AgentOSSchedule, principal: Principal | None = None) -> OpenedTurn:
    """Open a run of this schedule for the worker, whatever the time. Unless a principal is given, it has the rights
    that the owner has by now. Raises NotAllowed and NotFound when the owner may not or the agent is not there any more,
    and as opening does."""
    principal = principal or principal_now(schedule.user_id, schedule.team_id, schedule.api_key_id)
    if not principal.may("run_agents"):
        raise NotAllowed("You may not run agents in this team any more.")
    agent = Agent.objects.served_to(principal).with_models().filter(pk=schedule.agent_id).first()
    if agent is None:
        raise NotFound("The agent was withdrawn, or is not for you any more.", code="agent_not_found")
    ask = Ask(
        schedule.message,
        session_id=schedule.session_id,
        on_its_own=schedule.session_id is None,
        in_background=True,
        schedule_id=schedule.pk,
        most_attempts=schedule.most_attempts,
    )
    return open_in_background(principal, parts.build(agent, principal, schedule.session_id), ask)


def _note(schedule: AgentOSSchedule, problem: str) -> None:
    logger.info("schedule %s was left out: %s", schedule.pk, problem)
    AgentOSSchedule.objects.filter(pk=schedule.pk).update(problem=problem[:300])


def _switch_off(schedule: AgentOSSchedule, reason: str) -> None:
    logger.warning("schedule %s was switched off: %s", schedule.pk, reason)
    AgentOSSchedule.objects.filter(pk=schedule.pk).update(is_enabled=False, next_run_at=None, problem=reason[:300])


def _tell_owner(schedule: AgentOSSchedule, reason: str) -> None:
    text = (
        f"Your schedule “{schedule.name}” ({schedule.agent.name}) was switched off: {reason}\n\n"
        "Change it and switch it on again when that is mended, or delete it."
    )
    tell_person(schedule.user.email, subject=f"Schedule switched off: {schedule.name}", text=text)
