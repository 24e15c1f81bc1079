"""/api/v1/prices/ and re-rating over REST."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.opie.ledger.price_list import NewPrice, put_in_force
from apps.opie.models import ModelPrice, UsageCorrection
from tests.opie.ledger.written import write_call
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of

PRICE = {"platform_name": "openai", "model": "gpt-test", "input": "1000", "output": "2000"}
NOW = datetime.now(UTC)


def made(who: Person, **more: Any) -> dict[str, Any]:
    answer = call("POST", "prices/", PRICE | more, who.headers)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_price_is_superseded_and_stays_in_the_list(person: Person) -> None:
    first = made(person, cached="0.125")
    assert first == PRICE | {
        "id": first["id"], "cached": "0.125", "cache_write": None, "currency": "USD",
        "valid_from": first["valid_from"], "superseded_at": None, "belongs_to": "team",
    }  # fmt: skip
    second = made(person, input="3")
    listed = call("GET", "prices/", None, person.headers).json()
    assert listed["count"] == 2
    assert listed["results"] == [second, first | {"superseded_at": second["valid_from"]}]
    for method in ("PATCH", "PUT", "DELETE"):
        assert call(method, f"prices/{first['id']}/", {}, person.headers).status_code == 404
    assert AuditEntry.objects.filter(action="price.set").count() == 2
    assert call("GET", "prices/?search=nothing", None, person.headers).json()["count"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"input": "-1"}, "input"),
        ({"output": None}, "output"),
        ({"input": "NaN"}, "input"),
        ({"cached": "-0.1"}, "cached"),
        ({"platform_name": "a b"}, "platform_name"),
        ({"model": ""}, "model"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"for_installation": True}, "for_installation"),
    ],
)
def test_what_is_no_price(person: Person, change: dict[str, Any], field: str) -> None:
    answer = call("POST", "prices/", PRICE | change, person.headers)
    assert answer.status_code == 400
    assert field in error_of(answer)["fields"]


def test_who_sees_and_who_sets(person: Person, member: Person, viewer: Person, stranger: Person) -> None:
    made(person)
    put_in_force(NewPrice("openai", "all", Decimal(1), Decimal(1)), None, None)
    for who, seen in ((person, 2), (member, 2), (viewer, 2), (stranger, 1)):
        assert call("GET", "prices/", None, who.headers).json()["count"] == seen
    period = {"since": NOW.isoformat(), "until": (NOW + timedelta(days=1)).isoformat()}
    for who in (member, viewer):
        assert call("POST", "prices/", PRICE, who.headers).status_code == 403
        assert call("POST", "prices/rerate/", period, who.headers).status_code == 403
    assert call("GET", "prices/").status_code == 401
    assert ModelPrice.objects.count() == 2


def test_re_rating_a_period(person: Person, stranger: Person) -> None:
    write_call(person.principal)
    write_call(stranger.principal)
    made(person, valid_from=(NOW - timedelta(days=2)).isoformat())
    period = {"since": (NOW - timedelta(days=1)).isoformat(), "until": (NOW + timedelta(days=1)).isoformat()}
    expected = {"calls": 1, "corrected": 1, "difference": "0.7"}
    for more, corrections in (({"dry_run": True}, 0), ({"reason": "r", "model": "gpt-test"}, 1)):
        answer = call("POST", "prices/rerate/", period | more, person.headers)
        assert answer.status_code == 200
        assert {name: answer.json()[name] for name in expected} == expected
        assert UsageCorrection.objects.count() == corrections
    assert call("POST", "prices/rerate/", period, person.headers).json()["corrected"] == 0
    usage = call("GET", "agentos/metrics/usage/", None, person.headers).json()
    assert usage["totals"]["cost"] == "1.2"
    wide = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert call("POST", "prices/rerate/", wide, person.headers).json()["calls"] == 1
    backwards = {"since": period["until"], "until": period["since"]}
    answer = call("POST", "prices/rerate/", backwards, person.headers)
    assert list(error_of(answer)["fields"]) == ["until"]
