"""Calls of other systems: who is let in, that each event has its effect once, and what its owner sees of it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any, TypeVar

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from procrastinate.contrib.django.models import ProcrastinateJob
from pydantic import BaseModel

from apps.accounts.models import AuditEntry, Role, Team, User
from apps.opie import checks, extend, tasks
from apps.opie.agentos import webhook_intake
from apps.opie.agentos.webhook_signatures import Signature, parse_signature, sign
from apps.opie.engine import webhook_clearing, webhook_events, webhook_work
from apps.opie.models import Webhook, WebhookEvent
from tests.opie.people import Person, make_key, make_person
from tests.opie.rest.caller import call, error_of
from tests.opie.rest.test_budgets import run_worker

R = TypeVar("R")
PATH = "agentos/webhooks/"
BODY = {"event_type": "rename", "event_id": "e-1", "data": {"name": "Ours anew"}}


class Renaming(BaseModel):
    name: str


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """`rename` has a visible effect, and then does what the test appends: raises it, or calls it."""
    then: list[Any] = []

    def rename(event: extend.IncomingEvent) -> dict[str, str]:
        Team.objects.filter(pk=event.principal.team_id).update(name=event.data.name)
        if then:
            what = then.pop(0)
            if isinstance(what, Exception):
                raise what
            what(event)
        return {"named": event.data.name}

    monkeypatch.setattr(webhook_events, "_registered", [])
    extend.register_webhook_event("rename", rename, schema=Renaming)
    extend.register_webhook_event("other", lambda event: None)
    return then


@pytest.fixture
def hook(handled: list[Any], person: Person) -> dict[str, Any]:
    answer = call("POST", PATH, {"name": "shop", "event_types": ["rename"]}, person.headers)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def send(secret: str, body: Any = None, *, name: str = "shop", at: float | None = None, **about: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(BODY | (body or {})).encode()
    header = about.get("header") or sign(secret, round(at or time.time()), raw)
    return call("POST", f"agentos/webhook/{name}/", raw, {"X-Opie-Signature": header})


def team_name(person: Person) -> str:
    return Team.objects.get(pk=person.team.pk).name


def jobs_of(event: WebhookEvent) -> list[ProcrastinateJob]:
    """Those of other tests may be there still."""
    return list(ProcrastinateJob.objects.filter(task_name=webhook_work.TASK, args__event_id=str(event.pk)))


def due_now() -> None:
    """What waits for another attempt is due."""
    ProcrastinateJob.objects.filter(status="todo").update(scheduled_at=None)


def test_an_event_from_the_call_to_its_effect(hook: dict[str, Any], person: Person) -> None:
    answer = send(hook["secret"])
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert send(hook["secret"]).json() == {"status": "success"}, "the same again is fine"
    assert len(jobs_of(WebhookEvent.objects.get())) == 1
    clash = send(hook["secret"], {"data": {"name": "Else"}})
    assert (clash.status_code, error_of(clash)["code"]) == (409, "event_id_taken")
    events = f"{PATH}{hook['webhook_id']}/events/"
    assert call("GET", events, None, person.headers).json()["results"][0]["status"] == "received"
    run_worker()
    assert team_name(person) == "Ours anew"
    assert WebhookEvent.objects.get().data == {}
    [event] = call("GET", f"{events}?status=done", None, person.headers).json()["results"]
    assert (event["event_id"], event["attempts"], event["error"]) == ("e-1", 1, "")
    assert event["result"] == {"named": "Ours anew"}
    assert "data" not in event
    Team.objects.update(name="Ours")
    assert send(hook["secret"]).json() == {"status": "success"}
    webhook_work.tell_worker(WebhookEvent.objects.get().pk)
    run_worker()
    assert team_name(person) == "Ours", "neither the call nor the job has its effect twice"


def test_many_at_once_have_one_effect(hook: dict[str, Any], handled: list[Any], person: Person) -> None:
    """Calls under one id, and workers that take the same event: the first counts."""
    raw = json.dumps(BODY).encode()
    header = sign(hook["secret"], round(time.time()), raw)

    def sent(_: int) -> int:
        return given_back(lambda: int(send("", raw, header=header).status_code))

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(sent, range(12))) == {200}
        assert len(jobs_of(WebhookEvent.objects.get())) == 1
        handled += [lambda event: User.objects.create_user(f"{event.event_id}@example.com")] * 6
        event = WebhookEvent.objects.get()
        list(threads.map(lambda _: given_back(lambda: webhook_work.work_on(event.pk)), range(6)))
    event.refresh_from_db()
    assert (event.status, len(handled)) == ("done", 5)
    assert User.objects.filter(email="e-1@example.com").count() == 1


def given_back(work: Callable[[], R]) -> R:
    try:
        return work()
    finally:
        connections.close_all()


def test_who_is_not_let_in(hook: dict[str, Any]) -> None:
    body = json.dumps(BODY).encode()
    secret, now = hook["secret"], time.time()
    good = sign(secret, round(now), body)
    refused = {
        "another name": send(secret, name="nobody"),
        "another secret": send("opie_webhook_x"),
        "another body": send(secret, {"event_id": "e-2"}, header=good),
        "another time": send(secret, header=good.replace(f"t={round(now)}", f"t={round(now) + 1}")),
    }
    answers = {
        (answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"])
        for answer in refused.values()
    }
    assert len(answers) == 1, refused
    assert next(iter(answers))[:2] == (401, "signature_invalid")
    for header in (
        "no signature",
        "t=1",
        f"v1={'0' * 64}",
        f"{good},t=1",
        "t=x,v1=" + "0" * 64,
        ",".join([good] + ["v1=" + "0" * 64] * 5),
    ):
        assert error_of(send(secret, header=header))["code"] == "not_signed", header
    for off in (-400, 400):
        assert error_of(send(secret, at=now + off))["code"] == "not_now"
    assert send(secret, b"x" * 300_000).status_code == 413
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[1]", "malformed"),
        (b"\xff", "malformed"),
        (b'{"event_type": NaN}', "malformed"),
        ({"event_type": "unknown"}, "event_type"),
        ({"event_type": "other"}, "event_type"),
        ({"event_id": ""}, "event_id"),
        ({"event_id": "x" * 201}, "event_id"),
        ({"data": [1]}, "data"),
        ({"data": {"name": "\x00"}}, "data"),
        ({"data": {}}, "data.name"),
        ({"data": {"name": 1}}, "data.name"),
        ({"more": 1}, "more"),
        ({"data": {"name": "x", "deep": json.loads("[" * 60 + "]" * 60)}}, "data"),
    ],
)
def test_what_is_no_event(hook: dict[str, Any], body: Any, field: str) -> None:
    answer = send(hook["secret"], body)
    assert answer.status_code == 400
    error = error_of(answer)
    assert field in error.get("fields", {}) or field == error["code"]
    assert not WebhookEvent.objects.exists()


def test_secrets_change_without_a_gap(hook: dict[str, Any], person: Person) -> None:
    old, path = hook["secret"], f"{PATH}{hook['webhook_id']}/"
    turned = call("POST", f"{path}rotate/", {}, person.headers).json()
    new = turned["secret"]
    assert new != old
    assert turned["previous_secret_until"]
    raw = json.dumps(BODY).encode()
    both = f"{sign(old, round(time.time()), raw)},{sign(new, round(time.time()), raw).partition(',')[2]}"
    assert [send(old).status_code, send(new).status_code, send("", raw, header=both).status_code] == [200, 200, 200]
    Webhook.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    assert [send(old).status_code, send(new).status_code, send("", raw, header=both).status_code] == [401, 200, 200]
    newest = call("POST", f"{path}rotate/", {"keep_previous": False}, person.headers).json()["secret"]
    assert [send(old).status_code, send(new).status_code, send(newest).status_code] == [401, 401, 200]
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, previous_secret FROM opie_webhook")
        stored = str(cursor.fetchall())
    shown = call("GET", path, None, person.headers).json()
    audited = str(list(AuditEntry.objects.values_list("before", "after")))
    for secret in (old, new, newest):
        assert secret not in f"{stored}{shown}{audited}"


def test_what_fails_is_tried_again_by_rule(hook: dict[str, Any], handled: list[Any], person: Person) -> None:
    events = f"{PATH}{hook['webhook_id']}/events/"

    def one() -> dict[str, Any]:
        found: dict[str, Any] = call("GET", events, None, person.headers).json()["results"][0]
        return found

    handled += [ValueError("canary-secret"), extend.Unavailable("The store is closed."), lambda event: 1 / 0]
    send(hook["secret"])
    run_worker()
    assert (one()["status"], one()["attempts"], one()["error"]) == ("received", 1, webhook_work.OUR_FAULT)
    assert team_name(person) == "Ours", "what the handler had written is gone with its failure"
    [job] = ProcrastinateJob.objects.filter(task_name=webhook_work.TASK, status="todo")
    assert job.scheduled_at is not None
    assert job.scheduled_at > timezone.now()
    due_now()
    run_worker()
    assert (one()["status"], one()["attempts"], one()["error"]) == ("received", 2, "The store is closed.")
    WebhookEvent.objects.update(attempts=webhook_work.MOST_ATTEMPTS - 1)
    due_now()
    run_worker()
    assert (one()["status"], one()["attempts"]) == ("failed", webhook_work.MOST_ATTEMPTS)
    handled.append(extend.InvalidInput(fields={"lines.0": ["There is no such track."]}))
    retry = f"{PATH}events/{one()['id']}/retry/"
    assert call("POST", retry, None, person.headers).status_code == 202
    run_worker()
    assert (one()["status"], one()["attempts"]) == ("failed", 1)
    assert one()["error"].endswith("lines.0: There is no such track.")
    assert call("POST", retry, None, person.headers).json()["status"] == "received"
    run_worker()
    assert (one()["status"], team_name(person)) == ("done", "Ours anew")
    again = call("POST", retry, None, person.headers)
    assert (again.status_code, error_of(again)["code"]) == (409, "event_not_failed")


def test_what_a_worker_left_behind_is_taken_up(hook: dict[str, Any], person: Person) -> None:
    send(hook["secret"])
    WebhookEvent.objects.update(status="processing", attempts=1)
    run_worker()
    assert (WebhookEvent.objects.get().status, team_name(person)) == ("done", "Ours anew")
    send(hook["secret"], {"event_id": "e-2"})
    WebhookEvent.objects.filter(event_id="e-2").update(status="processing", attempts=webhook_work.MOST_ATTEMPTS)
    run_worker()
    event = WebhookEvent.objects.get(event_id="e-2")
    assert (event.status, event.error) == ("failed", webhook_work.GAVE_UP)


def test_what_ended_long_ago_is_cleared_and_never_too_early(
    hook: dict[str, Any], person: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_clearing, "CLEARED_AT_ONCE", 2)

    def cleared() -> list[str]:
        """What is left after the worker's round."""
        tasks.clear_webhook_events.defer(timestamp=0)
        run_worker()
        return sorted(WebhookEvent.objects.values_list("event_id", flat=True))

    now, everything = timezone.now(), [f"e-{n}" for n in range(8)]
    for event_id in everything:
        assert send(hook["secret"], {"event_id": event_id}).status_code == 200
    run_worker()
    days = {"e-0": 29, "e-1": 31, "e-2": 99, "e-3": 31, "e-4": 31, "e-5": 31, "e-6": 31, "e-7": 31}
    for event_id, age in days.items():
        WebhookEvent.objects.filter(event_id=event_id).update(processed_at=now - timedelta(days=age))
    WebhookEvent.objects.filter(event_id__in=["e-1", "e-2"]).update(status="failed")
    # One waits for another attempt, however long ago it was sent, and one is with a worker.
    WebhookEvent.objects.filter(event_id="e-3").update(status="received", processed_at=None)
    WebhookEvent.objects.filter(event_id="e-4").update(status="processing", processed_at=None)
    WebhookEvent.objects.update(received_at=now - timedelta(days=100))
    settings.OPIE_WEBHOOK_EVENTS_DAYS = 0
    assert cleared() == everything
    settings.OPIE_WEBHOOK_EVENTS_DAYS, settings.OPIE_WEBHOOK_TOLERANCE_SECONDS = 1, 45 * 24 * 3600
    assert cleared() == [one for one in everything if one != "e-2"], "not while a call could be let in again"
    settings.OPIE_WEBHOOK_EVENTS_DAYS, settings.OPIE_WEBHOOK_TOLERANCE_SECONDS = 30, 300
    assert send(hook["secret"], {"event_id": "e-5"}).status_code == 200
    assert cleared() == ["e-0", "e-3", "e-4", "e-5"]
    Team.objects.update(name="Ours")
    assert send(hook["secret"], {"event_id": "e-5"}).status_code == 200
    run_worker()
    assert team_name(person) == "Ours", (
        "a call that was signed anew is an old one for as long as it could be sent once more"
    )
    WebhookEvent.objects.update(repeated_at=now - timedelta(days=31))
    assert cleared() == ["e-0", "e-3", "e-4"]
    monkeypatch.setattr(webhook_intake, "keep_longer", lambda event: bool(event.delete()) and False)
    assert send(hook["secret"], {"event_id": "e-0"}).status_code == 200
    assert WebhookEvent.objects.get(event_id="e-0").status == "received", "what is cleared at that moment comes anew"


def test_who_acts_and_who_may_set_it_up(
    hook: dict[str, Any], handled: list[Any], person: Person, member: Person, stranger: Person
) -> None:
    path = f"{PATH}{hook['webhook_id']}/"
    admin = make_person("ada", person.team, Role.ADMIN)
    for who, acts_for, problem in (
        (person, stranger, "no such person"), (admin, person, "more than you"), (person, member, ""), (admin, admin, ""),
    ):  # fmt: skip
        answer = call("PATCH", path, {"acts_for": str(acts_for.user.pk)}, who.headers)
        assert answer.status_code == (400 if problem else 200)
        assert problem in str(answer.content)
    _, key = make_key(person, "manage_team")
    for who, status in ((member.headers, 403), (key, 403), (stranger.headers, 404), ({}, 401)):
        assert call("GET", path, None, who).status_code == status
        assert call("POST", f"{path}rotate/", {}, who).status_code == status
    handled.append(lambda event: Team.objects.filter(pk=event.principal.team_id).update(name=event.principal.email))
    send(hook["secret"])
    run_worker()
    assert team_name(person) == "ada@example.com"
    User.objects.filter(pk=admin.user.pk).update(is_active=False)
    send(hook["secret"], {"event_id": "e-2"})
    run_worker()
    gone = WebhookEvent.objects.get(event_id="e-2")
    assert (gone.status, gone.error) == ("failed", "Whoever asked this may not ask it any more.")
    assert call("PATCH", path, {"is_active": False, "acts_for": str(member.user.pk)}, person.headers).status_code == 200
    assert error_of(send(hook["secret"], {"event_id": "e-3"}))["code"] == "webhook_off"
    taken = call("POST", PATH, {"name": "shop", "event_types": ["rename"]}, stranger.headers)
    assert (taken.status_code, error_of(taken)["code"]) == (409, "webhook_name_taken")
    unknown = call("POST", PATH, {"name": "shop-2", "event_types": ["renam"]}, person.headers)
    assert "event_types" in error_of(unknown)["fields"]
    assert call("DELETE", path, None, person.headers).status_code == 204
    assert send(hook["secret"]).status_code == 401
    actions = AuditEntry.objects.filter(action__startswith="webhook.").order_by("pk").values_list("action", flat=True)
    assert [action.partition(".")[2] for action in actions] == ["created", "changed", "changed", "changed", "deleted"]


def test_trying_it_out_by_command(hook: dict[str, Any], live_server: Any) -> None:
    def sent(**options: Any) -> str:
        said = StringIO()
        call_command(
            "send_webhook", name="shop", event_type="rename", port=live_server.thread.port, stdout=said, **options
        )
        return said.getvalue()

    assert sent(event_id="e-7", data='{"name": "x"}') == 'e-7: 200 {"status":"success"}\n'
    assert WebhookEvent.objects.get().event_id == "e-7"
    for wrong, told in (({"data": "{"}, "not JSON"), ({"data": "[]"}, "object"), ({"data": "{}"}, "not taken")):
        with pytest.raises(CommandError, match=told):
            sent(**wrong)


def test_mistakes_of_hosts_are_said_at_start(handled: list[Any]) -> None:
    async def later(event: extend.IncomingEvent) -> None: ...

    wrong: Any = extend.register_webhook_event
    wrong("rename", print)
    wrong("New Order", print)
    wrong("late", later)
    wrong("nothing", None)
    wrong("shapeless", print, schema=dict)
    told = [(message.id, str(message.msg)) for message in checks.webhook_events_of_hosts_fit()]
    assert {one for one, _ in told} == {"opie.E006"}
    for (_, text), words in zip(
        told, ("registered twice", "'New Order'", "async", "cannot be called", "pydantic"), strict=True
    ):
        assert words in text


@given(
    st.text(max_size=80),
    st.lists(st.sampled_from(["t=1", "v1=" + "a" * 64, "v1=A", "v2=x", " ", "t=1.5", "t=٣"]), max_size=8),
)
def test_any_header_is_a_signature_or_none(text: str, parts: list[str]) -> None:
    for header in (text, ",".join(parts), ",".join([*parts, text])):
        signature = parse_signature(header)
        assert signature is None or (signature.time.isascii() and not signature.holds(b"body", ["secret"]))
    made = parse_signature(
        ",".join([sign("secret", 1, text.encode("utf-8", "ignore")), *(p for p in parts if p == "v2=x")])
    )
    assert isinstance(made, Signature)
    assert made.holds(text.encode("utf-8", "ignore"), ["other", "secret"])
    assert not made.holds(b"x" + text.encode("utf-8", "ignore"), ["secret"])
