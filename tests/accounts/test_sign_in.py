"""Signing in over REST: access tokens, refresh tokens, and what a forger could try."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.contrib.auth import authenticate
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.accounts import tokens
from apps.accounts.models import AuditEntry, Membership, RefreshToken, Role, SignInAttempt, Team, User
from tests.accounts.conftest import PASSWORD, Person, Rest

Login = Callable[[User], dict[str, str]]


def _claims(user: User, **other: Any) -> dict[str, Any]:
    family = RefreshToken.objects.filter(user=user).latest("created_at").family
    now = datetime.now(UTC)
    return {
        "sub": str(user.pk),
        "sid": str(family),
        "team": None,
        "stamp": user.stamp,
        "jti": str(uuid4()),
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "iss": "opie",
        "aud": "opie",
        **other,
    }


def _signed(claims: dict[str, Any], key: bytes | None = None, kid: str | None = None, **options: Any) -> str:
    known_kid, known_key = next(iter(tokens.signing_keys().items()))
    return jwt.encode(claims, key or known_key, headers={"kid": kid or known_kid}, **{"algorithm": "HS256", **options})


def _status(token: str) -> int:
    return int(Rest(token)("GET", "teams/").status_code)


@pytest.mark.parametrize("name", ["email", "username"])
def test_an_address_in_any_case_and_the_password_give_tokens_that_work(owner: User, anonymous: Rest, name: str) -> None:
    answer = anonymous("POST", "auth/login/", {name: "ANN@example.com", "password": PASSWORD})
    assert set(answer.json()) == {"access", "refresh"}
    teams = Rest(answer.json()["access"])("GET", "teams/").json()
    assert [team["slug"] for team in teams["results"]] == ["ours"]


def test_a_wrong_password_an_unknown_address_and_a_suspended_person_get_the_same_answer(
    person: Person, anonymous: Rest
) -> None:
    person("ann")
    gone = person("gone")
    gone.is_active = False
    gone.save()
    tries = [("ann@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("gone@example.com", PASSWORD)]
    answers = [anonymous("POST", "auth/login/", {"email": email, "password": text}) for email, text in tries]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    errors = [{**answer.json()["error"], "request_id": ""} for answer in answers]
    assert errors[0] == errors[1] == errors[2]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "x"}, "email"),
        ({"email": "a@b.c", "username": "a@b.c", "password": "x"}, "email"),
        ({"email": "a@b.c"}, "password"),
        ({"email": "a@b.c", "password": "x", "admin": True}, "admin"),
        ({"email": "a\x00@b.c", "password": "x"}, "email"),
        ({"email": ["a@b.c"], "password": "x"}, "email"),
    ],
)
def test_a_body_that_cannot_be_used_is_400_and_names_the_field(
    anonymous: Rest, body: dict[str, Any], field: str
) -> None:
    answer = anonymous("POST", "auth/login/", body)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


@pytest.mark.parametrize("body", [b"{", b"", b'{"email": NaN}', b"[" * 50_000, b"\xff\xfe", b'"text"'])
def test_a_body_that_is_no_json_object_is_400(anonymous: Rest, body: bytes) -> None:
    answer = anonymous("POST", "auth/login/", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_body_that_is_too_large_is_413(anonymous: Rest, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = anonymous("POST", "auth/login/", {"email": "a@b.c", "password": "x" * 200})
    assert answer.status_code == 413


def test_forged_tokens_are_refused(owner: User, login: Login) -> None:
    login(owner)
    good = _claims(owner)
    assert _status(_signed(good)) == 200
    unsigned = {"alg": "none", "typ": "JWT", "kid": next(iter(tokens.signing_keys()))}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part, default=int).encode()).rstrip(b"=")
        for part in (unsigned, {**good, "iat": 1, "exp": 9_999_999_999})
    ]
    forged = {
        "alg none": b".".join([*parts, b""]).decode(),
        "another key": _signed(good, key=b"k" * 32),
        "unknown kid": _signed(good, kid="0" * 16),
        "another algorithm": _signed(good, key=b"k" * 64, algorithm="HS512"),
        "the right key, another algorithm": _signed(
            good, key=tokens.signing_keys()[unsigned["kid"]] * 2, algorithm="HS512"
        ),
        "expired": _signed({**good, "exp": datetime.now(UTC) - timedelta(seconds=1)}),
        "another audience": _signed({**good, "aud": "other"}),
        "another issuer": _signed({**good, "iss": "other"}),
        "another stamp": _signed({**good, "stamp": "x"}),
        "another family": _signed({**good, "sid": str(uuid4())}),
        "no expiry": _signed({name: value for name, value in good.items() if name != "exp"}),
        "another person": _signed({**good, "sub": str(uuid4())}),
        "a sub that is no id": _signed({**good, "sub": "1 or 1=1"}),
        "a team one is not in": _signed({**good, "team": str(uuid4())}),
    }
    assert {what: _status(token) for what, token in forged.items()} == dict.fromkeys(forged, 401)


@pytest.mark.django_db
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300),
        st.from_regex(r"opie_[a-z0-9'\" ;-]{10}_[A-Za-z0-9'=_ -]{43}", fullmatch=True),
        st.from_regex(r"eyJ[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}", fullmatch=True),
        st.sampled_from(["' OR 1=1 --", "opie_", "Bearer", "null", "\\x00", "%00", "opie_aaaaaaaaaa_" + "'" * 43]),
    )
)
def test_junk_in_the_authorization_header_is_always_401(team: Team, junk: str) -> None:
    answer = Client(headers={"Authorization": f"Bearer {junk}"}).get("/api/v1/teams/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert Client(headers={"Authorization": junk}).get("/api/v1/teams/").status_code == 401


def test_a_bearer_that_does_not_hold_never_falls_back_to_the_cookie(owner: User) -> None:
    client = Client()
    client.force_login(owner, "allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/api/v1/teams/").status_code == 200
    for header in ("Bearer nonsense", "Basic YW5uOng=", "", "Bearer "):
        assert client.get("/api/v1/teams/", headers={"Authorization": header}).status_code == 401


def test_suspended_means_out_at_once_and_still_out_when_taken_back(owner: User, login: Login) -> None:
    pair = login(owner)
    owner.refresh_from_db()
    owner.is_active = False
    owner.save(update_fields=["is_active"])
    assert _status(pair["access"]) == 401
    owner.is_active = True
    owner.save()
    assert _status(pair["access"]) == 401
    assert Rest()("POST", "auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401


def test_a_new_password_ends_tokens_and_sessions_but_a_stronger_hash_does_not(
    owner: User, login: Login, settings: Any
) -> None:
    pair, browser = login(owner), Client()
    assert browser.login(email=owner.email, password=PASSWORD)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    assert authenticate(None, email=owner.email, password=PASSWORD) == owner
    assert User.objects.get(pk=owner.pk).password.startswith("pbkdf2")
    assert _status(pair["access"]) == 200
    fresh = User.objects.get(pk=owner.pk)
    fresh.set_password("another good one")
    fresh.save(update_fields=["password"])
    assert _status(pair["access"]) == 401
    assert browser.get("/api/v1/teams/").status_code == 401
    assert Rest()("POST", "auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401


def test_another_role_voids_what_was_signed_in_but_the_refresh_token_brings_the_new_role(
    person: Person, login: Login, team: Team
) -> None:
    person("boss")
    user = person("ann", Role.ADMIN)
    pair = login(user)
    membership = Membership.objects.get(user=user)
    membership.role = Role.VIEWER
    membership.save()
    assert _status(pair["access"]) == 401
    renewed = Rest()("POST", "auth/token/refresh/", {"refresh": pair["refresh"]}).json()
    answer = Rest(renewed["access"])("GET", f"teams/{team.pk}/")
    assert answer.json()["role"] == "viewer"


def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_family(owner: User, login: Login) -> None:
    first = login(owner)
    other_sign_in = login(owner)
    second = Rest()("POST", "auth/token/refresh/", {"refresh": first["refresh"]})
    assert second.status_code == 200
    assert second.json()["refresh"] != first["refresh"]
    assert Rest()("POST", "auth/token/refresh/", {"refresh": first["refresh"]}).status_code == 401
    assert Rest()("POST", "auth/token/refresh/", {"refresh": second.json()["refresh"]}).status_code == 401
    assert _status(second.json()["access"]) == 401
    assert _status(other_sign_in["access"]) == 200


def test_a_refresh_token_runs_out(owner: User, login: Login) -> None:
    pair = login(owner)
    RefreshToken.objects.update(expires_at=datetime.now(UTC))
    assert Rest()("POST", "auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401


def test_neither_kind_of_token_can_be_used_as_the_other(owner: User, login: Login) -> None:
    pair = login(owner)
    assert _status(pair["refresh"]) == 401
    assert Rest()("POST", "auth/token/refresh/", {"refresh": pair["access"]}).status_code == 400  # too long to be one


def test_no_token_is_kept_as_it_is(owner: User, login: Login) -> None:
    pair = login(owner)
    kept = str(list(RefreshToken.objects.values()))
    assert pair["refresh"] not in kept
    assert pair["access"] not in kept


def test_signing_out_ends_this_sign_in_at_once_and_no_other(owner: User, login: Login) -> None:
    here, there = login(owner), login(owner)
    assert Rest(here["access"])("POST", "auth/logout/", {"refresh": here["refresh"]}).status_code == 204
    assert _status(here["access"]) == 401
    assert Rest()("POST", "auth/token/refresh/", {"refresh": here["refresh"]}).status_code == 401
    assert _status(there["access"]) == 200
    assert Rest(there["access"])("POST", "auth/logout/", {"everywhere": True}).status_code == 204
    assert _status(there["access"]) == 401
    assert list(AuditEntry.objects.filter(action="sign_out").values_list("actor", flat=True)) == [owner.email] * 2


def test_signing_out_does_not_end_somebody_elses_sign_in(person: Person, login: Login) -> None:
    mine, theirs = login(person("ann")), login(person("bob"))
    assert Rest(mine["access"])("POST", "auth/logout/", {"refresh": theirs["refresh"]}).status_code == 204
    assert _status(theirs["access"]) == 200


def test_older_keys_still_verify_while_they_are_rotated_out(owner: User, login: Login, settings: Any) -> None:
    settings.OPIE_JWT_KEYS = ["old-" * 10]
    pair = login(owner)
    settings.OPIE_JWT_KEYS = ["new-" * 10, "old-" * 10]
    assert _status(pair["access"]) == 200
    assert jwt.get_unverified_header(login(owner)["access"]) != jwt.get_unverified_header(pair["access"])
    settings.OPIE_JWT_KEYS = ["new-" * 10]
    assert _status(pair["access"]) == 401


def test_a_rotated_secret_key_keeps_tokens_as_long_as_it_is_a_fallback(
    owner: User, login: Login, settings: Any
) -> None:
    pair, old = login(owner), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [old]
    assert _status(pair["access"]) == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert _status(pair["access"]) == 401


def test_guessing_is_stopped_for_the_guesser_and_not_for_the_person(owner: User, anonymous: Rest) -> None:
    wrong = {"email": owner.email, "password": "wrong"}
    statuses = [anonymous("POST", "auth/login/", wrong).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    right = {"email": owner.email, "password": PASSWORD}
    refused = anonymous("POST", "auth/login/", right)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 300
    assert anonymous("POST", "auth/login/", right, REMOTE_ADDR="203.0.113.9").status_code == 200


def test_the_page_counts_tries_with_rest(owner: User, anonymous: Rest) -> None:
    for _ in range(5):
        anonymous("POST", "auth/login/", {"email": owner.email, "password": "wrong"})
    answer = Client().post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()


def test_signing_in_right_never_runs_into_the_limit(owner: User, login: Login) -> None:
    for _ in range(8):
        login(owner)
    assert not SignInAttempt.objects.exists()


def test_the_team_header_chooses_among_ones_own_teams(owner: User, rest: Callable[..., Rest], other_team: Team) -> None:
    second = Team.objects.create(name="Second", slug="second")
    Membership.objects.create(team=second, user=owner, role=Role.OWNER)
    for named in (str(second.pk), "second"):
        answer = rest(owner, **{"X-Opie-Team": named})("POST", "api-keys/", {"name": "k", "scopes": ["run_agents"]})
        key = Rest(answer.json()["key"])
        assert [team["slug"] for team in key("GET", "teams/").json()["results"]] == ["second"]
    answers = [rest(owner, **{"X-Opie-Team": named})("GET", "teams/") for named in (str(other_team.pk), "theirs", "x'")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
