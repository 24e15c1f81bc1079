"""/api/v1/agentos/schedules/."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.models import AuditEntry
from apps.opie.models import AgentOSSchedule, AgentOSSession
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of

PATH = "agentos/schedules/"
BODY = {"name": "Morning", "agent_id": "helper", "message": "What is 1 + 1?", "cron": "30 2 * * *"}


def made(who: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = call("POST", PATH, BODY | body, who)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_schedule_shows_its_next_times_in_its_own_zone(agents: Any, person: Person) -> None:
    schedule = made(person.headers, time_zone="Asia/Kathmandu")
    times = [datetime.fromisoformat(time) for time in schedule["next_times"]]
    assert {(time.hour, time.minute, time.utcoffset()) for time in times} == {(2, 30, times[0].utcoffset())}
    assert len(set(times)) == 5
    assert min(times) > datetime.now(UTC)
    assert (schedule["time_zone"], schedule["most_attempts"], schedule["is_enabled"]) == ("Asia/Kathmandu", 3, True)
    assert call("GET", f"{PATH}{schedule['schedule_id']}/", None, person.headers).json() == schedule
    assert call("GET", PATH, None, person.headers).json()["results"] == [schedule]


def test_switching_off_on_and_changing(agents: Any, person: Person) -> None:
    schedule = made(person.headers)
    path = f"{PATH}{schedule['schedule_id']}/"
    off = call("PATCH", path, {"is_enabled": False}, person.headers).json()
    assert (off["is_enabled"], off["next_times"]) == (False, [])
    AgentOSSchedule.objects.update(problem="It was switched off.")
    on = call("PATCH", path, {"is_enabled": True, "cron": "0 * * * *", "name": "Hourly"}, person.headers).json()
    assert (on["problem"], len(on["next_times"]), on["name"], on["message"]) == ("", 5, "Hourly", BODY["message"])
    assert call("DELETE", path, None, person.headers).status_code == 204
    assert call("GET", path, None, person.headers).status_code == 404
    actions = AuditEntry.objects.filter(action__startswith="schedule.").order_by("pk")
    assert [entry.action.split(".")[1] for entry in actions] == ["created", "changed", "changed", "deleted"]
    assert BODY["message"] not in str(list(actions.values_list("before", "after")))


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"cron": "every day"}, 400, "cron"),
        ({"cron": "0 0 31 2 *"}, 400, "cron"),
        ({"time_zone": "Mars/Olympus"}, 400, "time_zone"),
        ({"message": " \n"}, 400, "message"),
        ({"message": "x" * 100_001}, 400, "message"),
        ({"name": ""}, 400, "name"),
        ({"most_attempts": 0}, 400, "most_attempts"),
        ({"most_attempts": 6}, 400, "most_attempts"),
        ({"next_run_at": "2027-01-01"}, 400, "next_run_at"),
        ({"user_id": str(uuid4())}, 400, "user_id"),
        ({"agent_id": "foreign"}, 404, "agent_not_found"),
        ({"session_id": str(uuid4())}, 404, "session_not_found"),
    ],
)
def test_what_cannot_be_a_schedule(agents: Any, person: Person, change: Any, status: int, field: str) -> None:
    schedule = made(person.headers)
    for answer in (
        call("POST", PATH, BODY | change, person.headers),
        call("PATCH", f"{PATH}{schedule['schedule_id']}/", change, person.headers),
    ):
        assert answer.status_code == status, answer.content
        error = error_of(answer)
        assert field in error.get("fields", {}) or field == error["code"]
    assert call("GET", PATH, None, person.headers).json()["results"] == [schedule]


def test_a_schedule_in_somebody_elses_session(agents: Any, person: Person, member: Person) -> None:
    theirs = AgentOSSession.objects.create(user=member.user, team=member.team)
    answer = call("POST", PATH, BODY | {"session_id": str(theirs.pk)}, person.headers)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "session_not_found")


def test_only_so_many(agents: Any, person: Person, member: Person, settings: Any) -> None:
    settings.OPIE_SCHEDULES_PER_PERSON = 2
    made(person.headers)
    made(person.headers)
    answer = call("POST", PATH, BODY, person.headers)
    assert (answer.status_code, error_of(answer)["code"]) == (409, "too_many_schedules")
    made(member.headers)


def test_a_schedule_may_no_more_than_the_key_it_was_made_with(agents: Any, person: Person) -> None:
    key, headers = make_key(person)
    schedule = AgentOSSchedule.objects.get(pk=made(headers)["schedule_id"])
    assert schedule.api_key_id == key.pk
    call("PATCH", f"{PATH}{schedule.pk}/", {"name": "Mine now"}, person.headers)
    schedule.refresh_from_db()
    assert schedule.api_key_id is None
