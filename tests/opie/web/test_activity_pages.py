"""What goes on for a person, what waits for their word, and what is asked by the clock."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.opie.models import Agent, AgentOSApproval, AgentOSRun, AgentOSSchedule, RunEventBatch
from tests.opie.people import Person
from tests.opie.web.conftest import MakeChat, SignIn

Agents = dict[str, Agent]
RUNS, APPROVALS, SCHEDULES = "/agentos/runs/", "/agentos/approvals/", "/agentos/schedules/"


def a_run(who: Person, agent: Agent, asked: str, status: str = "completed", **fields: Any) -> AgentOSRun:
    ended = timezone.now() if status in ("completed", "failed", "cancelled", "interrupted") else None
    given = {"input": {"message": asked}, "finished_at": ended}
    return AgentOSRun.objects.create(user=who.user, team=who.team, agent=agent, status=status, **(given | fields))


def an_approval(run: AgentOSRun, **fields: Any) -> AgentOSApproval:
    shared = {
        "tool_call_id": "c1",
        "tool_name": "send_invoice",
        "arguments": {"to": "Ann", "amount": 12.5, "lines": [1]},
    }
    later = {"expires_at": timezone.now() + timedelta(hours=1)}
    return AgentOSApproval.objects.create(
        run=run, team=run.team, user=run.user, agent=run.agent, **(shared | later | fields)
    )


def test_answers_are_listed_wherever_they_were_asked_for(
    client: Client, person: Person, member: Person, agents: Agents, make_chat: MakeChat
) -> None:
    chat = make_chat(person, agents["helper"])
    a_run(person, agents["helper"], "Sum it up", "running", is_background=True, most_attempts=3, attempt=2,
          started_at=timezone.now())  # fmt: skip
    a_run(person, agents["helper"], "Broken", "failed", error_message="It is down.")
    a_run(member, agents["helper"], "A secret")
    text = client.get(RUNS).content.decode()
    for expected in ("Question 0", f"session={chat.pk}", "Sum it up", "in the background", "try 2 of 3", "It is down."):
        assert expected in text
    assert "A secret" not in text
    assert 'hx-trigger="every' in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=going", {"Running", "Pending"}),
        ("state=waiting", {"Waiting"}),
        ("state=failed", {"Failed", "Interrupted"}),
        ("state=done", {"Done"}),
        ("kind=background", {"Running"}),
        ("agent=scripted", {"Done"}),
        ("state=nonsense", {"Running", "Pending", "Waiting", "Failed", "Interrupted", "Done"}),
        ("state=done&agent=helper", set()),
        ("page=9", set()),
    ],
)
def test_they_are_narrowed(client: Client, person: Person, agents: Agents, query: str, shown: set[str]) -> None:
    states = {"Pending": "pending", "Waiting": "waiting", "Failed": "failed", "Interrupted": "interrupted"}
    for title, status in states.items():
        a_run(person, agents["helper"], f"<{title}>", status)
    a_run(person, agents["helper"], "<Running>", "running", is_background=True)
    a_run(person, agents["scripted"], "<Done>")
    text = client.get(f"{RUNS}?{query}").content.decode()
    assert {title for title in (*states, "Running", "Done") if f"&lt;{title}&gt;" in text} == shown


def test_a_piece_of_the_page_is_the_list_alone(client: Client, person: Person, agents: Agents) -> None:
    a_run(person, agents["helper"], "Quick", "completed")
    piece = client.get(f"{RUNS}?part=list").content
    assert b"<html" not in piece
    assert b"every" not in piece  # nothing moves


def test_the_number_of_queries_does_not_grow(
    client: Client, person: Person, agents: Agents, make_chat: MakeChat
) -> None:
    def ask() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(RUNS)
            client.get(APPROVALS)
            client.get(SCHEDULES)
            client.get("/agentos/memory/")
        return len(queries)

    def add() -> None:
        make_chat(person, agents["helper"])
        an_approval(a_run(person, agents["helper"], "x", "waiting"), by="manager")
        AgentOSSchedule.objects.create(
            user=person.user, team=person.team, agent=agents["helper"], name="S", message="m", cron="0 9 * * *",
            next_run_at=timezone.now(),
        )  # fmt: skip

    add()
    ask()
    few = ask()
    for _ in range(5):
        add()
    assert ask() == few


def test_one_answer_without_a_chat_is_read_on_its_page(client: Client, person: Person, agents: Agents) -> None:
    run = a_run(person, agents["helper"], "Count to three", output={"content": "1, **2**, 3"})
    text = client.get(f"{RUNS}{run.pk}/").content.decode()
    assert "Count to three" in text
    assert "<strong>2</strong>" in text
    strange = a_run(person, agents["helper"], "", input=["a", 1], output={"rows": 3})
    assert "&quot;rows&quot;: 3" in client.get(f"{RUNS}{strange.pk}/").content.decode()


def test_what_waits_its_turn_is_stopped_from_the_list(client: Client, person: Person, agents: Agents) -> None:
    run = a_run(person, agents["helper"], "Not yet", "pending")
    response = client.post(f"{RUNS}{run.pk}/cancel/", follow=True)
    assert b"It is being stopped" in response.content
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_other_peoples_are_as_if_they_were_not_there(
    sign_in: SignIn, person: Person, member: Person, agents: Agents
) -> None:
    run, browser = a_run(member, agents["helper"], "A secret", "running"), sign_in(person)
    for identifier in (run.pk, uuid4()):
        assert browser.get(f"{RUNS}{identifier}/").status_code == 404
        assert browser.post(f"{RUNS}{identifier}/cancel/").status_code == 404
    run.refresh_from_db()
    assert run.cancel_requested_at is None


def test_the_card_says_what_with_what_as_whom_and_until_when(client: Client, person: Person, agents: Agents) -> None:
    approval = an_approval(a_run(person, agents["helper"], "Bill her", "waiting"))
    for address in (APPROVALS, f"{APPROVALS}{approval.pk}/", f"{APPROVALS}{approval.pk}/?part=card"):
        text = client.get(address).content.decode()
        for expected in (
            "send_invoice", "It acts as you, ann@example.com.", "12.5", "data-kind=\"number\"", "data-kind=\"json\"",
            approval.expires_at.isoformat(), "Approve", "Reject",
        ):  # fmt: skip
            assert expected in text, (address, expected)
    assert "1 approval waits for you" in client.get("/agentos/").content.decode()


def test_who_may_not_decide_sees_who_can(sign_in: SignIn, member: Person, person: Person, agents: Agents) -> None:
    approval = an_approval(a_run(member, agents["helper"], "Bill her", "waiting"), by="manager")
    text = sign_in(member).get(f"{APPROVALS}{approval.pk}/").content.decode()
    assert "Somebody who manages this team" in text
    assert "ann@example.com" in text
    assert "data-decide" not in text
    # The manager decides, and sees on whose behalf it acts, without a way into the chat.
    text = sign_in(person).get(APPROVALS).content.decode()
    assert "It acts as ben@example.com." in text or member.user.email in text
    assert "data-decide" in text
    assert "Open the" not in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "rejected", "note": "Too <much>"}, "Too &lt;much&gt;"),
        ({"status": "approved", "changed_arguments": {"to": "Eve"}}, "Approved with changes"),
        ({"status": "expired"}, "nobody decided in time"),
        ({"status": "cancelled"}, "Called off with the answer"),
    ],
)
def test_what_is_over_says_how_and_offers_nothing(
    client: Client, person: Person, agents: Agents, fields: dict[str, Any], said: str
) -> None:
    run = a_run(person, agents["helper"], "Bill her")
    approval = an_approval(run, decided_at=timezone.now(), decided_by=person.user, **fields)
    text = client.get(f"{APPROVALS}{approval.pk}/").content.decode()
    assert said in text
    assert "data-decide" not in text
    assert approval.tool_name not in client.get(APPROVALS).content.decode()
    assert approval.tool_name in client.get(f"{APPROVALS}?show=decided").content.decode()


def test_what_is_too_late_is_over_before_anybody_writes_it_down(client: Client, person: Person, agents: Agents) -> None:
    approval = an_approval(a_run(person, agents["helper"], "x", "waiting"), expires_at=timezone.now())
    text = client.get(f"{APPROVALS}{approval.pk}/").content.decode()
    assert "nobody decided in time" in text
    assert "data-decide" not in text
    assert "Nothing waits for you." in client.get(APPROVALS).content.decode()


def schedule_fields(**fields: str) -> dict[str, str]:
    told = {"name": "Morning", "agent_id": "helper", "message": "What is new?", "repeat": "weekdays", "at": "08:30",
            "time_zone": "Europe/Berlin", "most_attempts": "2", "weekday": "1", "month_day": "1"}  # fmt: skip
    return told | fields


def test_a_schedule_is_made_changed_switched_and_deleted(client: Client, person: Person, agents: Agents) -> None:
    assert client.post(f"{SCHEDULES}new/", schedule_fields())["Location"] == SCHEDULES
    schedule = AgentOSSchedule.objects.get()
    assert (schedule.cron, schedule.time_zone, schedule.agent, schedule.is_enabled) == (
        "30 8 * * 1-5", "Europe/Berlin", agents["helper"], True,
    )  # fmt: skip
    text = client.get(SCHEDULES).content.decode()
    assert "Monday to Friday at 08:30" in text
    assert "08:30" in text.split("Next")[1]
    form = client.get(f"{SCHEDULES}{schedule.pk}/edit/").content.decode()
    assert '<option value="weekdays" selected>' in form
    assert 'value="08:30"' in form
    client.post(f"{SCHEDULES}{schedule.pk}/edit/", schedule_fields(repeat="custom", cron="*/5 * * * *"))
    client.post(f"{SCHEDULES}{schedule.pk}/switch/", {"is_enabled": "false"})
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.is_enabled, schedule.next_run_at) == ("*/5 * * * *", False, None)
    client.post(f"{SCHEDULES}{schedule.pk}/switch/", {"is_enabled": "true"})
    schedule.refresh_from_db()
    assert schedule.next_run_at is not None
    assert b"was deleted" in client.post(f"{SCHEDULES}{schedule.pk}/delete/", follow=True).content
    assert not AgentOSSchedule.objects.exists()


def test_a_schedule_is_asked_now_and_its_answer_is_on_the_list(client: Client, person: Person, agents: Agents) -> None:
    client.post(f"{SCHEDULES}new/", schedule_fields())
    schedule = AgentOSSchedule.objects.get()
    response = client.post(f"{SCHEDULES}{schedule.pk}/run/", follow=True)
    text = response.content.decode()
    assert response.redirect_chain[-1][0] == RUNS
    assert "What is new?" in text
    assert "by schedule “Morning”" in text
    assert AgentOSRun.objects.get().status == "pending"
    Agent.objects.filter(agent_id="helper").update(status="withdrawn")
    assert b"withdrawn" in client.post(f"{SCHEDULES}{schedule.pk}/run/", follow=True).content


def test_how_far_it_is_is_told(client: Client, person: Person, agents: Agents) -> None:
    run = a_run(person, agents["helper"], "Write", "running", started_at=timezone.now())
    RunEventBatch.objects.create(
        run=run, first_number=1, last_number=2,
        events=[[1, "run.started", {}], [2, "message.delta", {"text": "x" * 1234}]],
    )  # fmt: skip
    waits = timezone.now() + timedelta(minutes=4)
    a_run(person, agents["helper"], "Again", "pending", attempt=2, most_attempts=3, not_before=waits)
    for address in (RUNS, f"{RUNS}{run.pk}/"):
        assert "1234 characters so far" in client.get(address).content.decode()
    assert waits.isoformat() in client.get(RUNS).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "}, {"agent_id": "foreign"}, {"message": ""}, {"repeat": "custom", "cron": "often"},
        {"time_zone": "Mars/Base"}, {"at": "25:00"}, {"most_attempts": "99"}, {"repeat": "custom", "cron": "0 0 31 2 *"},
    ],
)  # fmt: skip
def test_a_schedule_that_does_not_fit_is_kept_in_the_form(
    client: Client, agents: Agents, wrong: dict[str, str]
) -> None:
    response = client.post(f"{SCHEDULES}new/", schedule_fields(**wrong))
    assert response.status_code == 422
    assert b"This could not be saved yet" in response.content
    assert not AgentOSSchedule.objects.exists()


def test_the_next_times_are_shown_before_it_is_saved(client: Client) -> None:
    told = {"repeat": "daily", "at": "08:30", "time_zone": "Asia/Tokyo"}
    text = client.get(f"{SCHEDULES}preview/", told).content.decode()
    assert "The next times, in Asia/Tokyo:" in text
    assert text.count("08:30") == 3
    wrong = client.get(f"{SCHEDULES}preview/", {**told, "time_zone": "<b>"}).content.decode()
    assert "There is no such time zone" in wrong


def test_who_may_only_look_makes_no_schedule(sign_in: SignIn, viewer: Person, agents: Agents) -> None:
    browser = sign_in(viewer)
    assert b"New schedule" not in browser.get(SCHEDULES).content
    assert browser.post(f"{SCHEDULES}new/", schedule_fields()).status_code == 403
