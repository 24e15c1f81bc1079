"""/api/v1/budgets/ and the warning that four fifths are spent."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail as outbox
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.models import AuditEntry, Membership, Role
from apps.api.ids import uuid7
from apps.opie import tasks
from apps.opie.ledger import budgets
from apps.opie.models import Budget, BudgetPeriod
from tests.opie.people import Person, make_key, make_person
from tests.opie.rest.caller import call, error_of


def made(who: Person, **body: Any) -> dict[str, Any]:
    answer = call("POST", "budgets/", {"amount": "10"} | body, who.headers)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def spend(who: Person, amount: str) -> None:
    pk = uuid7()
    budgets.reserve(who.principal, pk, Decimal(amount))
    budgets.settle(pk, Decimal(amount))


def test_a_budget_shows_what_is_left_of_it(person: Person) -> None:
    budget = made(person, period="day", amount="10.50")
    assert budget == {
        "id": budget["id"], "user_id": None, "api_key_id": None, "period": "day", "amount": "10.5", "currency": "USD",
        "spent": "0", "reserved": "0", "unpriced_calls": 0, "allows_unpriced": False, "is_enabled": True,
    }  # fmt: skip
    spend(person, "2.25")
    budgets.reserve(person.principal, uuid7(), Decimal(1))
    read = call("GET", f"budgets/{budget['id']}/", None, person.headers).json()
    assert (read["spent"], read["reserved"]) == ("2.25", "1")
    listed = call("GET", "budgets/", None, person.headers).json()
    assert (listed["count"], listed["results"]) == (1, [read])


def test_a_list_of_many_takes_no_more_queries(person: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert call("GET", "budgets/", None, person.headers).status_code == 200
        return len(seen)

    made(person)
    before = queries()
    for number in range(5):
        made(person, user_id=str(make_person(f"p{number}", person.team).user.pk))
    assert queries() == before


def test_raising_lowering_disabling_and_deleting(person: Person) -> None:
    path = f"budgets/{made(person)['id']}/"
    for change in ({"amount": "20"}, {"amount": "0"}, {"is_enabled": False}, {"allows_unpriced": True}):
        answer = call("PATCH", path, change, person.headers)
        assert answer.status_code == 200
        assert {name: answer.json()[name] for name in change} == change
    assert call("DELETE", path, None, person.headers).status_code == 204
    assert call("GET", path, None, person.headers).status_code == 404
    actions = list(AuditEntry.objects.filter(action__startswith="budget.").values_list("action", flat=True))
    assert sorted(actions) == ["budget.changed"] * 4 + ["budget.created", "budget.deleted"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "Infinity"}, "amount"),
        ({"amount": "1e99"}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": "1", "period": "year"}, "period"),
        ({"amount": "1", "currency": "EUR"}, "currency"),
        ({"amount": "1", "spent": "0"}, "spent"),
        ({"amount": "1", "is_enabled": None}, "is_enabled"),
        ({"amount": "1", "user_id": "me"}, "user_id"),
        ({"amount": "1", "user_id": str(uuid7())}, "user_id"),
        ({"amount": "1", "api_key_id": str(uuid7())}, "api_key_id"),
        ({"amount": "1", "user_id": str(uuid7()), "api_key_id": str(uuid7())}, "api_key_id"),
    ],
)
def test_what_is_no_budget(person: Person, body: dict[str, Any], field: str) -> None:
    answer = call("POST", "budgets/", body, person.headers)
    assert answer.status_code == 400, answer.content
    assert field in error_of(answer)["fields"]


def test_one_for_each_subject_and_period(person: Person, member: Person, stranger: Person) -> None:
    made(person, period="day")
    made(person, period="month")
    made(person, period="day", user_id=str(member.user.pk))
    again = call("POST", "budgets/", {"amount": "1", "period": "day"}, person.headers)
    assert (again.status_code, error_of(again)["code"]) == (409, "budget_exists")
    key, _ = make_key(stranger)
    for other in ({"user_id": str(stranger.user.pk)}, {"api_key_id": str(key.pk)}):
        assert call("POST", "budgets/", {"amount": "1"} | other, person.headers).status_code == 400


def test_who_sees_and_who_changes(person: Person, member: Person, viewer: Person, stranger: Person) -> None:
    key, _ = make_key(person)
    team = made(person)
    mine = made(person, user_id=str(member.user.pk))
    keys = made(person, api_key_id=str(key.pk))
    for who, seen in ((person, [team, mine, keys]), (member, [team, mine]), (viewer, [team]), (stranger, [])):
        listed = {row["id"] for row in call("GET", "budgets/", None, who.headers).json()["results"]}
        assert listed == {row["id"] for row in seen}
        for budget in (team, mine, keys):
            status = call("GET", f"budgets/{budget['id']}/", None, who.headers).status_code
            assert status == (200 if budget in seen else 404)
    for who, status in ((member, 403), (viewer, 403), (stranger, 404)):
        for method, body in (("PATCH", {"amount": "1"}), ("DELETE", None)):
            assert call(method, f"budgets/{team['id']}/", body, who.headers).status_code == status
    for who in (member, viewer):
        assert call("POST", "budgets/", {"amount": "1"}, who.headers).status_code == 403
    assert call("GET", "budgets/").status_code == 401
    assert Budget.objects.count() == 3


def test_four_fifths_are_told_once_to_those_who_can_raise_it(
    person: Person, member: Person, viewer: Person, stranger: Person
) -> None:
    admin = make_person("ada", person.team, Role.ADMIN)
    gone = make_person("gus", person.team, Role.ADMIN)
    type(gone.user).objects.filter(pk=gone.user.pk).update(is_active=False)
    path = f"budgets/{made(person, user_id=str(member.user.pk))['id']}/"
    spend(member, "7.9")
    assert worked_off() == []
    spend(member, "0.1")
    spend(member, "1")
    told = worked_off()
    assert sorted(to for message in told for to in message.to) == [admin.user.email, person.user.email]
    assert told[0].subject == "[Opie] 80% of a budget is spent"
    assert "Of the budget of ben@example.com (10 USD a month), 8 USD are spent." in told[0].body
    # Raised, it warns again when four fifths of the new amount are spent; lowered, with the next call.
    assert call("PATCH", path, {"amount": "100"}, person.headers).status_code == 200
    spend(member, "70")
    assert worked_off() == []
    spend(member, "2")
    assert len(worked_off()) == 2


def test_a_warning_that_is_rolled_back_is_not_told(person: Person) -> None:
    made(person)
    with transaction.atomic():
        spend(person, "9")
        transaction.set_rollback(True)
    assert worked_off() == []
    assert BudgetPeriod.objects.filter(warned_at=None).count() == BudgetPeriod.objects.count()


def test_a_disabled_budget_warns_nobody(person: Person) -> None:
    made(person)
    call_id = uuid7()
    budgets.reserve(person.principal, call_id, Decimal(9))
    Budget.objects.update(is_enabled=False)
    budgets.settle(call_id, Decimal(9))
    assert worked_off() == []


def worked_off() -> list[Any]:
    """What a worker sends when it takes every job there is."""
    outbox.outbox.clear()
    run_worker()
    sent = list(outbox.outbox)
    outbox.outbox.clear()
    return sent


def run_worker() -> None:
    connector: Any = app.connector
    with app.replace_connector(connector.get_worker_connector()) as working:
        working.run_worker(wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="always")


def test_a_mail_that_cannot_be_sent_is_tried_again(
    person: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise ConnectionRefusedError

    made(person)
    spend(person, "9")
    monkeypatch.setattr(tasks, "send_mail", broken)
    assert worked_off() == []
    [job] = ProcrastinateJob.objects.filter(task_name="opie.mail")
    assert (job.status, job.attempts) == ("todo", 1)
    assert job.scheduled_at is not None
    assert job.scheduled_at > datetime.now(UTC)
    assert job.args["address"] == person.user.email
    assert Membership.objects.filter(user=person.user).exists()
