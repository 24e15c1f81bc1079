"""API keys: shown once, never more than their person, and ended at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.accounts.authentication import principal_from_bearer
from apps.accounts.models import ApiKey, AuditEntry, Membership, Role, Team, User
from apps.accounts.permissions import Permission
from apps.api.errors import NotSignedIn
from tests.accounts.conftest import Person, Rest

SignIn = Callable[..., Rest]


def _make(caller: Rest, *scopes: str, **more: Any) -> dict[str, Any]:
    answer = caller("POST", "api-keys/", {"name": "ci", "scopes": scopes or ["run_agents"], **more})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def _status(key: str) -> int:
    return int(Rest(key)("GET", "teams/").status_code)


def test_a_key_is_shown_once_works_and_is_kept_only_as_a_hash(owner: User, rest: SignIn) -> None:
    caller = rest(owner)
    made = _make(caller)
    assert made["key"].startswith(f"opie_{made['prefix']}_")
    assert _status(made["key"]) == 200
    listed = caller("GET", "api-keys/")
    secret = made["key"].rsplit("_", 1)[1]
    assert listed.json()["count"] == 1
    assert secret not in listed.content.decode()
    assert secret not in str(list(ApiKey.objects.values()) + list(AuditEntry.objects.values()))
    assert "hash" not in listed.content.decode()
    assert listed.json()["results"][0]["last_used_at"]


def test_a_key_holds_its_scopes_and_nothing_else(owner: User, rest: SignIn) -> None:
    principal = principal_from_bearer(_make(rest(owner), "run_agents", "verify_customers")["key"])
    held = {scope for scope in [*Permission, "verify_customers"] if principal.may(scope)}
    assert held == {"run_agents", "verify_customers"}


def test_a_key_loses_what_its_person_loses(person: Person, rest: SignIn) -> None:
    person("boss")
    admin = person("ann", Role.ADMIN)
    key = _make(rest(admin), "manage_team", "view_agents", "verify_customers")["key"]
    Membership.objects.filter(user=admin).update(role=Role.VIEWER)
    principal = principal_from_bearer(key)
    assert principal.may("view_agents")
    assert not principal.may("manage_team")
    assert not principal.may("verify_customers")


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.MEMBER, ["manage_platforms"]),
        (Role.VIEWER, ["run_agents"]),
        (Role.MEMBER, ["verify_customers"]),
        (Role.OWNER, ["read_team_sessions"]),
        (Role.OWNER, ["everything"]),
        (Role.OWNER, []),
    ],
)
def test_a_scope_beyond_the_person_is_refused(person: Person, rest: SignIn, role: str, scopes: list[str]) -> None:
    answer = rest(person("ann", role))("POST", "api-keys/", {"name": "k", "scopes": scopes})
    assert answer.status_code == 400
    assert next(iter(answer.json()["error"]["fields"])).startswith("scopes")


def test_a_key_stops_when_it_is_revoked_or_runs_out_and_cannot_start_expired(owner: User, rest: SignIn) -> None:
    caller = rest(owner)
    revoked, expiring = _make(caller), _make(caller, expires_at=(timezone.now() + timedelta(days=1)).isoformat())
    assert caller("DELETE", f"api-keys/{revoked['id']}/").status_code == 204
    assert [_status(revoked["key"]), _status(expiring["key"])] == [401, 200]
    ApiKey.objects.filter(pk=expiring["id"]).update(expires_at=timezone.now())
    assert _status(expiring["key"]) == 401
    past = {"name": "k", "scopes": ["run_agents"], "expires_at": "2020-01-01T00:00:00Z"}
    assert list(caller("POST", "api-keys/", past).json()["error"]["fields"]) == ["expires_at"]
    assert set(AuditEntry.objects.filter(object_type="accounts.apikey").values_list("action", flat=True)) == {
        "create",
        "revoke",
    }


def test_a_key_stops_with_its_person_and_their_membership(person: Person, rest: SignIn) -> None:
    person("boss")
    suspended, removed = person("ann"), person("bob")
    keys = [_make(rest(user))["key"] for user in (suspended, removed)]
    suspended.is_active = False
    suspended.save()
    Membership.objects.filter(user=removed).delete()
    assert [_status(key) for key in keys] == [401, 401]


def test_a_right_prefix_with_a_wrong_secret_is_refused_like_an_unknown_one(owner: User, rest: SignIn) -> None:
    made = _make(rest(owner))
    wrong = made["key"][:-1] + ("A" if made["key"][-1] != "A" else "B")
    unknown = f"opie_{'a' * 10}_{'b' * 43}"
    messages = set()
    for key in (wrong, unknown, made["key"] + "x", made["key"].upper()):
        with pytest.raises(NotSignedIn) as refused:
            principal_from_bearer(key)
        messages.add((refused.value.code, refused.value.message))
    assert {code for code, _ in messages} <= {"key_invalid", "token_invalid"}
    assert len([code for code, _ in messages if code == "key_invalid"]) == 1


def test_a_key_belongs_to_one_team(owner: User, rest: SignIn, other_team: Team) -> None:
    Membership.objects.create(team=other_team, user=owner, role=Role.OWNER)
    key = _make(rest(owner))["key"]
    assert Rest(key, **{"X-Opie-Team": "ours"})("GET", "teams/").status_code == 200
    assert Rest(key, **{"X-Opie-Team": "theirs"})("GET", "teams/").status_code == 403
    assert Rest(key)("GET", f"teams/{other_team.pk}/").status_code == 404
    assert [found["slug"] for found in Rest(key)("GET", "teams/").json()["results"]] == ["ours"]


def test_a_key_can_neither_make_nor_see_nor_end_keys_nor_sign_out(owner: User, rest: SignIn) -> None:
    made = _make(rest(owner), "manage_team")
    key = Rest(made["key"])
    calls = [
        key("POST", "api-keys/", {"name": "more", "scopes": ["manage_team"]}),
        key("GET", "api-keys/"),
        key("DELETE", f"api-keys/{made['id']}/"),
        key("POST", "auth/logout/", {"everywhere": True}),
        key("POST", "teams/", {"name": "Mine"}),
        key("POST", "invitations/accept/", {"token": "x"}),
    ]
    assert [call.status_code for call in calls] == [403] * 6


def test_a_key_without_the_scope_does_not_see_the_people(owner: User, rest: SignIn, team: Team) -> None:
    caller = rest(owner)
    assert Rest(_make(caller)["key"])("GET", f"teams/{team.pk}/members/").status_code == 403
    assert Rest(_make(caller, "manage_team")["key"])("GET", f"teams/{team.pk}/members/").status_code == 200


def test_keys_are_seen_by_their_person_and_by_who_manages_the_team(
    person: Person, rest: SignIn, other_team: Team
) -> None:
    owner, member, stranger = person("boss"), person("ann", Role.MEMBER), person("eve", Role.OWNER, other_team)
    of_owner, of_member = _make(rest(owner)), _make(rest(member))
    assert rest(owner)("GET", "api-keys/").json()["count"] == 2
    assert [key["id"] for key in rest(member)("GET", "api-keys/").json()["results"]] == [of_member["id"]]
    assert rest(stranger)("GET", "api-keys/").json()["count"] == 0
    foreign = [
        rest(member)("DELETE", f"api-keys/{of_owner['id']}/"),
        rest(stranger)("DELETE", f"api-keys/{of_owner['id']}/"),
        rest(stranger)("DELETE", f"api-keys/{uuid4()}/"),
    ]
    assert [answer.status_code for answer in foreign] == [404] * 3
    assert len({answer.json()["error"]["message"] for answer in foreign}) == 1
    assert rest(owner)("DELETE", f"api-keys/{of_member['id']}/").status_code == 204
