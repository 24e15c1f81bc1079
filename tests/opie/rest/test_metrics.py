"""/api/v1/agentos/metrics/: what was used, how fast, and what failed; the team's for some, one's own for others."""

import csv
import io
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.opie.metrics.errors import RunError, record_error
from apps.opie.models import Agent, AgentOSError, AgentOSPerformance, AgentOSRun
from apps.opie.models.runs import RunStatus
from apps.opie.models.usage import CallOutcome
from tests.opie.ledger.written import write_call
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of

USAGE = "agentos/metrics/usage/"
FIGURES = [
    "calls", "failed_calls", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost",
    "unpriced_calls",
]  # fmt: skip
NOW = datetime.now(UTC)


def usage(who: Person, **asked: Any) -> Any:
    answer = call("GET", f"{USAGE}?{urlencode(asked)}", None, who.headers)
    assert answer.status_code == 200, answer.content
    return answer.json()


def groups(who: Person, **asked: Any) -> dict[str, int]:
    return {row["group"]: row["calls"] for row in usage(who, **asked)["results"]}


def test_the_shape_that_scripts_rely_on(person: Person) -> None:
    write_call(person.principal, cost=Decimal("0.10"))
    write_call(person.principal, cost=Decimal("12.5"), outcome=CallOutcome.FAILED)
    write_call(person.principal, cost=None, cached_tokens=None, reasoning_tokens=None, model="other")
    body = usage(person)
    first = {
        "group": "gpt-test", "calls": 2, "failed_calls": 1, "input_tokens": 2000, "output_tokens": 200,
        "cached_tokens": 20, "reasoning_tokens": 40, "cost": "12.6", "unpriced_calls": 0,
    }  # fmt: skip
    assert body["results"][0] == first
    assert list(body) == ["results", "totals"]
    assert [list(row) for row in body["results"]] == [["group", *FIGURES]] * 2
    assert body["totals"] == {
        "calls": 3, "failed_calls": 1, "input_tokens": 3000, "output_tokens": 300, "cached_tokens": 20,
        "reasoning_tokens": 40, "cost": "12.6", "unpriced_calls": 1,
    }  # fmt: skip


def test_nothing_used_is_nothing(person: Person) -> None:
    assert usage(person) == {"results": [], "totals": dict.fromkeys(FIGURES, 0) | {"cost": "0"}}


def test_each_group_and_each_filter(person: Person, member: Person, agents: dict[str, Agent]) -> None:
    key, _ = make_key(person)
    yesterday = NOW - timedelta(days=1)
    write_call(person.principal, agent=agents["helper"], api_key=key)
    write_call(person.principal, yesterday, platform_name="anthropic", model="claude")
    write_call(member.principal, yesterday, agent=agents["helper"])
    days = {f"{NOW:%Y-%m-%d}": 1, f"{yesterday:%Y-%m-%d}": 2}
    expected = {
        "model": {"gpt-test": 2, "claude": 1},
        "agent": {"helper": 2, "": 1},
        "platform": {"openai": 2, "anthropic": 1},
        "user": {"ann@example.com": 2, "ben@example.com": 1},
        "team": {"ours": 3},
        "key": {key.prefix: 1, "": 2},
        "day": days,
    }
    for group, found in expected.items():
        assert groups(person, group_by=group) == found
    assert list(groups(person, group_by="day")) == sorted(days)
    filters = {"model": "claude", "agent": "helper", "platform": "openai", "user": "ben@example.com", "key": key.prefix}
    for name, value in filters.items():
        assert usage(person, **{name: value})["totals"]["calls"] == expected[name][value]
        assert groups(person, group_by=name, **{name: value}) == {value: expected[name][value]}
    assert groups(person, agent="helper", user="ann@example.com") == {"gpt-test": 1}


def test_a_time_is_of_dates_or_of_moments(person: Person) -> None:
    day = (NOW - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    millisecond = timedelta(milliseconds=1)
    for moment in (day - millisecond, day, day + timedelta(hours=12), day + timedelta(days=1) - millisecond):
        write_call(person.principal, moment)
    write_call(person.principal, day + timedelta(days=1))

    def between(since: Any, until: Any) -> int:
        return int(usage(person, **{"from": since, "to": until})["totals"]["calls"])

    assert between(day.date(), day.date()) == 3
    assert between(day.isoformat(), (day + timedelta(hours=12)).isoformat()) == 1
    assert between((day + timedelta(hours=2)).replace(tzinfo=None).isoformat(), "") == 3
    assert between(f"{day:%Y-%m-%d}T02:00:00+02:00", f"{day:%Y-%m-%d}T14:00:00.001+02:00") == 2
    assert between("", day.date()) == 4
    assert between("0001-01-01", "9999-12-31") == 5
    assert between("9999-12-31", "0001-01-01") == 0
    assert between("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00") == 5
    assert sum(groups(person, group_by="day").values()) == 5


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"group_by": "colour"}, "group_by"),
        ({"group_by": ""}, "group_by"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "2026-11-21T25:00"}, "to"),
        ({"to": "1"}, "to"),
    ],
)
def test_what_cannot_be_answered_says_which_parameter(person: Person, asked: dict[str, str], field: str) -> None:
    answer = call("GET", f"{USAGE}?{urlencode(asked)}", None, person.headers)
    assert answer.status_code == 400
    assert list(error_of(answer)["fields"]) == [field]


@pytest.mark.parametrize("name", ["group_by", "from", "to", "model", "agent", "platform", "user", "key", "is_user"])
@pytest.mark.parametrize("text", ["' OR 1=1 --", "%(team)s", "%s", "x'); DROP TABLE opie_agent; --", "{live_where}"])
def test_parameters_are_never_sql(person: Person, stranger: Person, name: str, text: str) -> None:
    write_call(stranger.principal)
    answer = call("GET", f"{USAGE}?{urlencode({name: text})}", None, person.headers)
    assert answer.status_code in {200, 400}
    if answer.status_code == 200:
        assert answer.json()["results"] == []
    else:
        assert name in error_of(answer)["fields"]


def test_what_was_never_sent_or_is_not_over_is_no_call_yet(person: Person) -> None:
    for outcome in CallOutcome.values:
        write_call(person.principal, outcome=outcome)
    totals = usage(person)["totals"]
    assert (totals["calls"], totals["failed_calls"]) == (4, 3)


def test_who_sees_whose(person: Person, member: Person, viewer: Person, stranger: Person) -> None:
    for who in (person, member, member, stranger):
        write_call(who.principal)
    seen = {who: usage(who, group_by="user")["totals"]["calls"] for who in (person, member, viewer, stranger)}
    assert seen == {person: 3, member: 2, viewer: 3, stranger: 1}
    assert usage(member, user="ann@example.com")["results"] == []
    assert usage(person, team="theirs")["totals"]["calls"] == 3
    assert call("GET", USAGE).status_code == 401
    _, may = make_key(person, "view_metrics")
    _, may_not = make_key(person, "view_agents")
    assert call("GET", USAGE, None, may).json()["totals"]["calls"] == 3
    assert call("GET", USAGE, None, may_not).status_code == 403
    asked = person.headers | {"X-Opie-Team": "theirs"}
    assert call("GET", USAGE, None, asked).status_code in {403, 404}


def as_csv(who: Person, accept: str = "text/csv", **asked: Any) -> Any:
    return call("GET", f"{USAGE}?{urlencode(asked)}", None, who.headers | {"Accept": accept})


def test_the_same_as_csv(person: Person) -> None:
    write_call(person.principal, model='a "quoted", model', cost=Decimal("0.123"))
    write_call(person.principal, model="b\nc", cost=None)
    for accept in ("text/csv", "text/csv, */*;q=0.1"):
        answer = as_csv(person, accept)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        found = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
        expected = usage(person)["results"]
        assert found == [{name: str(value) for name, value in row.items()} for row in expected]
    for accept in ("application/json", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8"):
        assert as_csv(person, accept)["Content-Type"] == "application/json"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "＝"])
def test_a_spreadsheet_finds_no_formula(person: Person, start: str) -> None:
    model = f"{start}HYPERLINK(1)"
    write_call(person.principal, model=model)
    [row] = csv.DictReader(io.StringIO(as_csv(person).content.decode(), newline=""))
    assert row["group"] == f"'{model}"
    assert usage(person)["results"][0]["group"] == model


def test_an_error_is_json_even_for_who_wants_csv(person: Person) -> None:
    answer = as_csv(person, group_by="colour")
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "invalid_input"
    assert error_of(call("GET", USAGE, None, {"Accept": "text/csv"}))["code"] == "not_signed_in"
    assert call("GET", USAGE, None, person.headers | {"Accept": "image/png"}).status_code == 406


def test_csv_over_a_socket(person: Person, live_server: Any) -> None:
    write_call(person.principal)
    asked = [f"{live_server.url}/api/v1/{USAGE}?group_by=day", "-H", f"Authorization: Bearer {person.bearer}"]
    done = subprocess.run(
        ["curl", "-sS", "-i", *asked, "-H", "Accept: text/csv"], capture_output=True, text=True, check=True, timeout=30
    )
    head, _, body = done.stdout.partition("\n\n")
    assert "200" in head.splitlines()[0]
    assert body.splitlines()[0] == "group," + ",".join(FIGURES)
    assert body.splitlines()[1].startswith(f"{NOW:%Y-%m-%d},1,0,1000,100")


def test_more_groups_take_no_more_queries(person: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            usage(person, group_by="model")
        return len(seen)

    write_call(person.principal)
    before = queries()
    for number in range(20):
        write_call(person.principal, model=f"m{number}")
    assert queries() == before


# --- how fast, and what failed ---


def ran(who: Person, agent: Agent | None = None, status: str = RunStatus.COMPLETED, **figures: Any) -> AgentOSRun:
    run = AgentOSRun.objects.create(
        user=who.user, team=who.team, agent=agent, status=status, finished_at=timezone.now()
    )
    values = {"time_to_first_token_ms": 100, "duration_ms": 1000, "model_ms": 800, "tool_ms": 50, "database_ms": 5}
    AgentOSPerformance.objects.create(run=run, tokens_per_second=20, **(values | figures))
    return run


def test_how_fast_answers_were(person: Person, member: Person, stranger: Person, agents: dict[str, Agent]) -> None:
    ran(person, agents["helper"], duration_ms=1000)
    ran(person, agents["helper"], duration_ms=3000, time_to_first_token_ms=None)
    ran(member, status=RunStatus.FAILED)
    ran(stranger)
    path = "agentos/metrics/performance/"
    answer = call("GET", path, None, person.headers).json()
    assert list(answer) == ["results"]
    assert answer["results"][0] == {
        "group": "helper", "runs": 2, "completed_runs": 2, "time_to_first_token_p50_ms": 100.0,
        "time_to_first_token_p95_ms": 100.0, "duration_p50_ms": 2000.0, "duration_p95_ms": 2900.0, "model_ms": 800.0,
        "tool_ms": 50.0, "tokens_per_second": 20.0,
    }  # fmt: skip
    for asked, who, expected in (
        ("", member, {"": 1}),
        ("?group_by=user", person, {"ann@example.com": 2, "ben@example.com": 1}),
        ("?group_by=status", person, {"completed": 2, "failed": 1}),
        ("?group_by=day", person, {f"{datetime.now(UTC):%Y-%m-%d}": 3}),
        ("?agent=helper", person, {"helper": 2}),
        ("?agent=%27%20OR%201=1", person, {}),
        ("?to=2020-01-01", person, {}),
        ("?from=0001-01-01&to=9999-12-31", person, {"helper": 2, "": 1}),
        ("", stranger, {"": 1}),
    ):
        rows = call("GET", path + asked, None, who.headers).json()["results"]
        assert {row["group"]: row["runs"] for row in rows} == expected, asked
    assert call("GET", path + "?group_by=colour", None, person.headers).status_code == 400
    assert call("GET", path).status_code == 401


def failed(who: Person, agent: Agent | None, code: str = "platform_failed") -> AgentOSError:
    error = RunError(code, "Told to the person.", "openai/m", "detail: inner secret")
    record_error(ran(who, agent, RunStatus.FAILED), error, timezone.now())
    return AgentOSError.objects.get(team=who.team, code=code)


def test_failures_are_counted_by_kind_and_seen_by_role(
    person: Person, member: Person, viewer: Person, stranger: Person, agents: dict[str, Agent]
) -> None:
    path = "agentos/metrics/errors/"
    error = failed(person, agents["helper"])
    failed(person, agents["helper"])
    failed(member, None, "tool_failed")
    failed(stranger, None, "theirs")
    body = call("GET", path, None, person.headers).json()
    assert (list(body), body["count"]) == (["count", "next", "previous", "results"], 2)
    shown = next(row for row in body["results"] if row["code"] == "platform_failed")
    assert (shown["occurrences"], shown["agent_id"], shown["error_id"]) == (2, "helper", str(error.pk))
    assert "inner secret" not in str(body)
    for who, count in ((viewer, 2), (member, 1), (stranger, 1)):
        assert call("GET", path, None, who.headers).json()["count"] == count
    one = f"{path}{error.pk}/"
    for who, read, write in ((person, 200, 200), (viewer, 200, 403), (member, 404, 404), (stranger, 404, 404)):
        assert call("GET", one, None, who.headers).status_code == read
        assert call("PATCH", one, {"is_resolved": True}, who.headers).status_code == write
    assert call("GET", f"{path}?is_resolved=true", None, person.headers).json()["count"] == 1
    assert call("GET", f"{path}?is_resolved=maybe", None, person.headers).status_code == 400
    for body in ({"code": "x"}, {"is_resolved": None}, {"is_resolved": "?"}):
        assert call("PATCH", one, body, person.headers).status_code == 400
