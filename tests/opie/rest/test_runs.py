"""/api/v1/agentos/runs/: tasks, lists, waiting, progress and stopping."""

import asyncio
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.opie.engine import background, recording
from apps.opie.models import AgentOSRun, AgentOSSession
from apps.opie.models.runs import RunStatus
from tests.opie.people import Person
from tests.opie.rest.caller import call, counts, error_of

PATH = "agentos/runs/"
TASK = {"agent_id": "helper", "message": "What is 2 + 3?"}


def left(who: Person, **body: Any) -> str:
    """A task that is left to the worker: its run's id."""
    answer = call("POST", PATH, TASK | body, who.headers)
    assert answer.status_code == 202, answer.content
    assert answer.json() == {"run_id": answer.json()["run_id"], "status": "pending"}
    return str(answer.json()["run_id"])


def read(who: Person, run_id: str, query: str = "") -> Any:
    return call("GET", f"{PATH}{run_id}/{query}", None, who.headers)


def work(run_id: str) -> None:
    asyncio.run(background.run_to_end(AgentOSRun.objects.get(pk=run_id).pk))


def test_a_task_is_left_run_and_read(agents: Any, person: Person) -> None:
    run_id = left(person, most_attempts=2)
    before = read(person, run_id).json()
    assert (before["status"], before["background"], before["attempt"], before["most_attempts"]) == (
        "pending",
        True,
        1,
        2,
    )
    assert before["progress"] == {
        "doing": "queued", "position": None, "tool": None, "characters": 0, "attempt": 1, "most_attempts": 2,
        "not_before": None,
    }  # fmt: skip
    work(run_id)
    after = read(person, run_id).json()
    assert (after["status"], after["progress"], after["session_id"]) == ("completed", None, None)
    assert "5" in after["content"]
    assert after["finished_at"] is not None


def test_a_task_in_the_foreground_is_answered(agents: Any, person: Person) -> None:
    answer = call("POST", PATH, TASK | {"background": False}, person.headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.json()["content"] == read(person, answer.json()["run_id"]).json()["content"]


def test_a_message_in_the_background(agents: Any, person: Person) -> None:
    answer = call("POST", "agentos/send-message/", TASK | {"background": True}, person.headers)
    assert answer.status_code == 202
    run_id = answer.json()["run_id"]
    assert (answer.json()["status"], read(person, run_id).json()["most_attempts"]) == ("pending", 3)
    work(run_id)
    assert read(person, run_id).json()["message_id"] is not None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"message": " "}, "message"),
        ({"message": "x" * 100_001}, "message"),
        ({"message": None}, "message"),
        ({"most_attempts": 0}, "most_attempts"),
        ({"most_attempts": 6}, "most_attempts"),
        ({"background": "perhaps"}, "background"),
        ({"session_id": str(uuid4())}, "session_id"),
        ({"run_id": str(uuid4())}, "run_id"),
    ],
)
def test_what_cannot_be_a_task(agents: Any, person: Person, change: Any, field: str) -> None:
    before = counts()
    answer = call("POST", PATH, TASK | change, person.headers)
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, [field])
    assert counts() == before


def test_a_list_of_ones_own_newest_first_and_narrowed(agents: Any, person: Person, member: Person) -> None:
    ids = [left(person), left(person, agent_id="assistant"), left(person)]
    left(member)
    session = str(AgentOSSession.objects.create(user=person.user, team=person.team).pk)
    call("POST", "agentos/send-message/", TASK | {"session_id": session}, person.headers)
    work(ids[0])

    def listed(query: str) -> list[str]:
        answer = call("GET", f"{PATH}?{query}", None, person.headers)
        assert answer.status_code == 200, answer.content
        return [run["run_id"] for run in answer.json()["results"]]

    everything = listed("")
    assert everything[1:] == ids[::-1]
    assert listed("status=pending") == [ids[2], ids[1]]
    assert listed("agent_id=assistant") == [ids[1]]
    assert listed(f"session_id={session}") == [everything[0]]
    assert listed("background=false") == [everything[0]]
    assert listed("background=true&status=completed") == [ids[0]]
    assert listed(f"schedule_id={uuid4()}") == []
    assert listed("page_size=1&page=2") == [ids[2]]
    for query in ("status=odd", "session_id=mine", "background=perhaps", "page=0", "page_size=1000"):
        assert call("GET", f"{PATH}?{query}", None, person.headers).status_code == 400, query


def test_a_list_of_many_takes_no_more_queries(agents: Any, person: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            page(person)
        return len(seen)

    def page(who: Person) -> None:
        from django.test import RequestFactory

        from apps.opie.agentos.run_json import runs_as_json
        from apps.opie.agentos.runs_api import page_of_runs

        page_of_runs(who.principal, RequestFactory().get("/"), runs_as_json)

    session = AgentOSSession.objects.create(user=person.user, team=person.team)
    for status in ("pending", "running"):
        AgentOSRun.objects.create(session=session, user=person.user, team=person.team, status=status)
    before = queries()
    for status in ("pending", "running", "pending"):
        AgentOSRun.objects.create(session=session, user=person.user, team=person.team, status=status)
    assert queries() == before


def test_somebody_elses_run_is_not_there(agents: Any, person: Person, member: Person) -> None:
    run_id = left(person)
    for method, path in (("GET", ""), ("GET", "?wait=1"), ("GET", "events/"), ("POST", "cancel/")):
        answer = call(method, f"{PATH}{run_id}/{path}", None, member.headers)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "run_not_found")
    assert AgentOSRun.objects.get(pk=run_id).cancel_requested_at is None


def test_waiting_ends_with_the_run(agents: Any, person: Person) -> None:
    run_id = left(person)
    worker = threading.Thread(target=work, args=[run_id])
    worker.start()
    answer = read(person, run_id, "?wait=60").json()
    worker.join()
    assert answer["status"] == "completed"
    assert read(person, run_id, "?wait=60").json()["content"] == answer["content"]


def test_waiting_ends_when_the_time_is_over(agents: Any, person: Person) -> None:
    assert read(person, left(person), "?wait=1").json()["status"] == "pending"


@pytest.mark.parametrize("wait", ["61", "-1", "1.5", "soon", "1000", "%D9%A3", ""])
def test_times_that_cannot_be_waited(agents: Any, person: Person, wait: str) -> None:
    answer = read(person, left(person), f"?wait={wait}")
    assert (answer.status_code, list(error_of(answer)["fields"])) == (400, ["wait"])


def test_one_that_waits_is_stopped_at_once(agents: Any, person: Person) -> None:
    run_id = left(person)
    answer = call("POST", f"{PATH}{run_id}/cancel/", None, person.headers)
    assert (answer.status_code, answer.json()["status"], answer.json()["progress"]) == (202, "cancelled", None)
    work(run_id)
    assert read(person, run_id).json()["status"] == "cancelled"


SAID = [
    # events of a running run, and what they come to
    ([], {"doing": "starting"}),
    ([("run.started", {})], {"doing": "starting"}),
    ([("reasoning.delta", {"text": "Hm"})], {"doing": "thinking", "characters": 0}),
    ([("message.delta", {"text": "Hello"}), ("message.delta", {"text": " you"})], {"doing": "writing", "characters": 9}),
    ([("message.delta", {"text": "Hi"}), ("tool.started", {"name": "calculate"})],
     {"doing": "tool", "tool": "calculate", "characters": 2}),
    ([("tool.started", {"name": "calculate"}), ("tool.finished", {"name": "calculate"})], {"doing": "thinking", "tool": None}),
    ([("message.delta", {"text": "Half"}), ("run.retrying", {}), ("run.started", {})], {"doing": "starting", "characters": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), SAID)
def test_progress_is_what_happened_last(agents: Any, person: Person, events: Any, expected: dict[str, Any]) -> None:
    run = AgentOSRun.objects.create(
        user=person.user, team=person.team, status="running", heartbeat_at=timezone.now(), attempt=2, most_attempts=3
    )
    recording.append_events(run.pk, [(number, kind, data) for number, (kind, data) in enumerate(events, 1)])
    progress = read(person, str(run.pk)).json()["progress"]
    assert {name: progress[name] for name in expected} == expected
    assert (progress["attempt"], progress["most_attempts"]) == (2, 3)


def test_progress_of_those_that_wait(agents: Any, person: Person) -> None:
    session = AgentOSSession.objects.create(user=person.user, team=person.team)
    common = {"session": session, "user": person.user, "team": person.team}
    AgentOSRun.objects.create(**common, status=RunStatus.COMPLETED, finished_at=timezone.now())
    AgentOSRun.objects.create(**common, status=RunStatus.RUNNING, heartbeat_at=timezone.now())
    waiting = [AgentOSRun.objects.create(**common) for _ in range(2)]
    later = timezone.now() + timedelta(minutes=1)
    again = AgentOSRun.objects.create(user=person.user, team=person.team, attempt=2, not_before=later)
    approval = AgentOSRun.objects.create(user=person.user, team=person.team, status=RunStatus.WAITING)
    shown = [read(person, str(run.pk)).json()["progress"] for run in (*waiting, again, approval)]
    assert [(one["doing"], one["position"]) for one in shown] == [
        ("queued", 2), ("queued", 3), ("retrying", None), ("waiting", None),
    ]  # fmt: skip
    assert shown[2]["not_before"] == later.isoformat()
