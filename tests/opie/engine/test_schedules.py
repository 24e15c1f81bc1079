"""Schedules by the clock: one run for each time, whoever is first; rights as they are; and the next time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.models import ApiKey, Membership, User
from apps.opie.engine import parts, schedules
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSchedule, AgentOSSession, Limit
from apps.opie.models.runs import RunStatus
from tests.opie.people import Person, make_key


def due(person: Person, agent: str = "helper", **fields: Any) -> AgentOSSchedule:
    """A schedule of theirs whose time came a minute ago."""
    values = {"name": "Hourly", "message": "What is 1 + 1?", "cron": "0 * * * *"} | fields
    values.setdefault("next_run_at", timezone.now() - timedelta(minutes=1))
    return AgentOSSchedule.objects.create(
        user=person.user, team=person.team, agent=Agent.objects.get(agent_id=agent), **values
    )


def mails() -> list[str]:
    return [job.args["subject"] for job in ProcrastinateJob.objects.filter(task_name="opie.mail")]


def test_a_time_that_has_come_is_one_run_for_the_worker(agents: Any, person: Person) -> None:
    schedule, later = due(person), due(person, next_run_at=timezone.now() + timedelta(hours=1))
    (run_id,) = schedules.take_due()
    run = AgentOSRun.objects.get()
    assert (run.pk, run.schedule_id, run.status, run.session) == (run_id, schedule.pk, RunStatus.PENDING, None)
    assert (run.is_background, run.most_attempts, run.input) == (True, 3, {"message": "What is 1 + 1?"})
    schedule.refresh_from_db()
    assert schedule.next_run_at is not None
    assert timezone.now() < schedule.next_run_at <= timezone.now() + timedelta(hours=1)
    assert (schedule.last_run_at is not None, later.last_run_at) == (True, None)
    assert schedules.take_due() == []


def test_times_that_were_missed_are_made_up_for_once(agents: Any, person: Person) -> None:
    due(person, next_run_at=timezone.now() - timedelta(days=3))
    assert len(schedules.take_due()) == 1
    assert schedules.take_due() == []
    assert AgentOSRun.objects.count() == 1


def test_of_many_workers_one_makes_the_run(agents: Any, person: Person) -> None:
    for _ in range(3):
        due(person)

    def take(_: int) -> int:
        try:
            return len(schedules.take_due())
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        assert sum(workers.map(take, range(6))) == 3
    assert len(set(AgentOSRun.objects.values_list("schedule_id", flat=True))) == AgentOSRun.objects.count() == 3


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2027-03-27T02:30+01:00", "2027-03-28T03:00+02:00"),  # half past two does not come on that day
        ("2027-03-28T03:00+02:00", "2027-03-29T02:30+02:00"),
        ("2027-10-30T02:30+02:00", "2027-10-31T02:30+02:00"),
        ("2027-10-31T02:30+02:00", "2027-11-01T02:30+01:00"),  # it comes twice, and is due once
    ],
)
def test_the_next_time_where_clocks_change(agents: Any, person: Person, now: str, expected: str) -> None:
    moment = datetime.fromisoformat(now)
    schedule = due(person, cron="30 2 * * *", time_zone="Europe/Berlin", next_run_at=moment)
    assert len(schedules.take_due(moment)) == 1
    schedule.refresh_from_db()
    assert schedule.next_run_at == datetime.fromisoformat(expected).astimezone(UTC)


def test_in_a_session_it_is_a_message_there(agents: Any, person: Person) -> None:
    session = AgentOSSession.objects.create(user=person.user, team=person.team)
    due(person, session=session)
    (run_id,) = schedules.take_due()
    question = AgentOSMessage.objects.get(session=session)
    assert (question.content, AgentOSRun.objects.get(pk=run_id).question_id) == ("What is 1 + 1?", question.pk)


def _suspend(person: Person) -> None:
    User.objects.filter(pk=person.user.pk).update(is_active=False)


def _send_away(person: Person) -> None:
    Membership.objects.filter(user=person.user).delete()


def _demote(person: Person) -> None:
    Membership.objects.filter(user=person.user).update(role="viewer")


def _withdraw(person: Person) -> None:
    Agent.objects.filter(agent_id="helper").update(status="withdrawn")


def _hide(person: Person) -> None:
    Agent.objects.filter(agent_id="helper").update(visibility="private")


def _revoke(person: Person) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())


@pytest.mark.parametrize("change", [_suspend, _send_away, _demote, _withdraw, _hide, _revoke])
def test_who_or_what_is_gone_switches_it_off_and_is_told_once(
    agents: Any, person: Person, member: Person, change: Any
) -> None:
    key, _ = make_key(member)
    schedule = due(member, name=f"Of {change.__name__}", api_key=key)
    change(member)
    assert schedules.take_due() == []
    schedule.refresh_from_db()
    assert (schedule.is_enabled, schedule.next_run_at, bool(schedule.problem)) == (False, None, True)
    assert schedules.take_due() == []
    assert mails().count(f"[Opie] Schedule switched off: {schedule.name}") == 1
    assert not AgentOSRun.objects.exists()


def test_a_limit_leaves_one_time_out(agents: Any, person: Person) -> None:
    Limit.objects.create(team=person.team, parallel_runs=1)
    AgentOSRun.objects.create(user=person.user, team=person.team)
    schedule = due(person)
    assert schedules.take_due() == []
    schedule.refresh_from_db()
    assert (schedule.is_enabled, "at once" in schedule.problem) == (True, True)
    assert schedule.next_run_at is not None
    assert schedule.next_run_at > timezone.now()


def test_a_time_that_comes_while_the_run_before_goes_on_is_left_out(agents: Any, person: Person) -> None:
    schedule = due(person)
    schedules.take_due()
    AgentOSSchedule.objects.update(next_run_at=timezone.now())
    assert schedules.take_due() == []
    schedule.refresh_from_db()
    assert schedule.problem == schedules.STILL_GOING
    AgentOSRun.objects.update(status=RunStatus.COMPLETED, finished_at=timezone.now())
    AgentOSSchedule.objects.update(next_run_at=timezone.now())
    assert len(schedules.take_due()) == 1
    schedule.refresh_from_db()
    assert schedule.problem == ""


def test_a_fault_with_one_stops_no_other_and_loses_no_time(
    agents: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = due(person, "broken"), due(person)
    build = parts.build

    def faulty(agent: Agent, *more: Any) -> Any:
        if agent.agent_id == "broken":
            raise RuntimeError("a fault of ours")
        return build(agent, *more)

    monkeypatch.setattr(parts, "build", faulty)
    with pytest.raises(ExceptionGroup):
        schedules.take_due()
    assert AgentOSRun.objects.get().schedule_id == fine.pk
    monkeypatch.undo()
    assert len(schedules.take_due()) == 1
    assert AgentOSRun.objects.filter(schedule_id=broken.pk).count() == 1
