"""/api/v1/limits/."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.api.ids import uuid7
from apps.opie.models import AIPlatform, Limit
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of


def made(who: Person, **body: Any) -> dict[str, Any]:
    answer = call("POST", "limits/", body, who.headers)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_limit_is_kept_as_it_was_sent(person: Person, member: Person, platforms: dict[str, AIPlatform]) -> None:
    sent = {
        "user_id": str(member.user.pk), "platform": "offline", "model": "m", "each_user": True,
        "requests_per_minute": 5, "tokens_per_minute": 1000,
    }  # fmt: skip
    limit = made(person, **sent)
    rest = {"api_key_id": None, "parallel_runs": None, "is_enabled": True, "id": limit["id"]}
    assert limit == sent | rest
    assert call("GET", f"limits/{limit['id']}/", None, person.headers).json() == limit
    assert call("GET", "limits/?search=offline", None, person.headers).json()["results"] == [limit]
    assert call("GET", "limits/?search=nothing", None, person.headers).json()["count"] == 0
    changed = call("PATCH", f"limits/{limit['id']}/", {"tokens_per_minute": None}, person.headers).json()
    assert changed == limit | {"tokens_per_minute": None}
    again = call("POST", "limits/", sent, person.headers)
    assert (again.status_code, error_of(again)["code"]) == (409, "limit_exists")
    assert call("DELETE", f"limits/{limit['id']}/", None, person.headers).status_code == 204
    assert AuditEntry.objects.filter(action__startswith="limit.").count() == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "requests_per_minute"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"tokens_per_minute": -5}, "tokens_per_minute"),
        ({"requests_per_minute": 10**10}, "requests_per_minute"),
        ({"parallel_runs": 1, "model": "m"}, "parallel_runs"),
        ({"parallel_runs": 1, "platform": "offline"}, "parallel_runs"),
        ({"parallel_runs": 1, "platform": "nowhere"}, "parallel_runs"),
        ({"requests_per_minute": 1, "platform": "nowhere"}, "platform"),
        ({"requests_per_minute": 1, "user_id": str(uuid7())}, "user_id"),
        ({"requests_per_minute": 1, "api_key_id": str(uuid7())}, "api_key_id"),
        ({"requests_per_minute": 1, "team": "x"}, "team"),
    ],
)
def test_what_is_no_limit(person: Person, body: dict[str, Any], field: str) -> None:
    answer = call("POST", "limits/", body, person.headers)
    assert answer.status_code == 400, answer.content
    assert field in error_of(answer)["fields"]
    assert not Limit.objects.exists()


def test_a_change_may_not_leave_nothing_or_what_is_never_asked(
    person: Person, platforms: dict[str, AIPlatform]
) -> None:
    limit = made(person, requests_per_minute=5, platform="offline")
    for change, field in (
        ({"requests_per_minute": None}, "requests_per_minute"),
        ({"parallel_runs": 2}, "parallel_runs"),
        ({"model": "other"}, "model"),
    ):
        answer = call("PATCH", f"limits/{limit['id']}/", change, person.headers)
        assert answer.status_code == 400
        assert field in error_of(answer)["fields"]
    assert call("GET", f"limits/{limit['id']}/", None, person.headers).json() == limit


def test_who_sees_and_who_changes(person: Person, member: Person, viewer: Person, stranger: Person) -> None:
    limit = made(person, requests_per_minute=5)
    for who, read, write in ((member, 200, 403), (viewer, 200, 403), (stranger, 404, 404)):
        assert call("GET", f"limits/{limit['id']}/", None, who.headers).status_code == read
        assert call("PATCH", f"limits/{limit['id']}/", {"is_enabled": False}, who.headers).status_code == write
        assert call("DELETE", f"limits/{limit['id']}/", None, who.headers).status_code == write
    assert call("GET", "limits/", None, stranger.headers).json()["count"] == 0
    assert call("POST", "limits/", {"requests_per_minute": 1}, member.headers).status_code == 403
    key, _ = make_key(stranger)
    theirs = AIPlatform.objects.create(team=stranger.team, platform_name="theirs", api_type="openai")
    for other in ({"api_key_id": str(key.pk)}, {"user_id": str(stranger.user.pk)}, {"platform": theirs.platform_name}):
        assert call("POST", "limits/", {"requests_per_minute": 1} | other, person.headers).status_code == 400
    assert call("GET", "limits/").status_code == 401
