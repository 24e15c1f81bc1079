"""Becoming a user and getting back in, over REST and in the browser; neither tells who has an account."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from apps.accounts.models import AuditEntry, Membership, User
from apps.accounts.registration import register
from apps.api.errors import Conflict
from tests.accounts.conftest import PASSWORD, Rest

NEW = {"email": "New.Person@Example.com", "password": "a long enough one"}


def test_registering_makes_a_person_who_owns_a_team_of_their_own(anonymous: Rest) -> None:
    assert anonymous("POST", "auth/register/", {**NEW, "team_name": "Crew"}).status_code == 201
    user = User.objects.get(email="new.person@example.com")
    membership = Membership.objects.get(user=user)
    assert (membership.role, membership.team.name, user.default_team_id) == ("owner", "Crew", membership.team_id)
    answer = anonymous("POST", "auth/login/", NEW)
    assert Rest(answer.json()["access"])("GET", "teams/").json()["count"] == 1
    assert AuditEntry.objects.filter(action="register", actor=user.email).exists()


def test_two_people_of_the_same_name_get_teams_with_slugs_of_their_own(db: None) -> None:
    for domain in ("one.example", "two.example"):
        register(f"ann@{domain}", PASSWORD)
    slugs = set(Membership.objects.values_list("team__slug", flat=True))
    assert len(slugs) == 2


def test_registering_an_address_that_has_an_account_answers_the_same_and_changes_nothing(
    owner: User, anonymous: Rest, mailoutbox: list[Any]
) -> None:
    fresh = anonymous("POST", "auth/register/", {**NEW, "password": PASSWORD})
    taken = anonymous("POST", "auth/register/", {"email": owner.email.upper(), "password": "a different one"})
    assert (fresh.status_code, fresh.json()) == (taken.status_code, taken.json())
    assert User.objects.count() == 2
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)
    assert [mail.to for mail in mailoutbox] == [["new.person@example.com"], [owner.email]]


def test_an_address_is_taken_whatever_its_case_for_every_caller(owner: User) -> None:
    with pytest.raises(Conflict):
        register("ANN@EXAMPLE.COM", PASSWORD)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"password": "short"}, "password"), ({"password": "new.person@example"}, "password"), ({"email": "no"}, "email")],
)
def test_a_weak_password_or_a_wrong_address_is_refused(anonymous: Rest, change: dict[str, str], field: str) -> None:
    answer = anonymous("POST", "auth/register/", {**NEW, **change})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]
    assert not User.objects.exists()


def test_the_browser_registers_the_same_way_and_is_signed_in(db: None) -> None:
    browser = Client()
    passwords = {"password1": NEW["password"], "password2": NEW["password"]}
    answer = browser.post("/accounts/signup/", {"email": NEW["email"], **passwords})
    assert (answer.status_code, answer["Location"]) == (302, "/agentos/")
    assert Membership.objects.get(user__email="new.person@example.com").role == "owner"
    assert browser.get("/page/").content == b"new.person@example.com"


def _reset_link(mailoutbox: list[Any]) -> re.Match[str]:
    found = re.search(r"/accounts/password/reset/key/([0-9a-zA-Z]+)-([^/\s]+)/", mailoutbox[-1].body)
    assert found
    return found


def test_a_reset_over_rest_sets_a_new_password_once(
    owner: User, login: Callable[[User], dict[str, str]], anonymous: Rest, mailoutbox: list[Any]
) -> None:
    pair = login(owner)
    assert anonymous("POST", "auth/password/reset/", {"email": owner.email}).status_code == 202
    link = _reset_link(mailoutbox)
    body = {"uid": link[1], "token": link[2], "password": "brand new words"}
    weak = anonymous("POST", "auth/password/reset/confirm/", {**body, "password": "short"})
    assert list(weak.json()["error"]["fields"]) == ["password"]
    assert anonymous("POST", "auth/password/reset/confirm/", body).status_code == 200
    assert Rest(pair["access"])("GET", "teams/").status_code == 401
    assert anonymous("POST", "auth/login/", {"email": owner.email, "password": "brand new words"}).status_code == 200
    assert anonymous("POST", "auth/password/reset/confirm/", body).status_code == 400


def test_a_reset_answers_the_same_for_an_unknown_address(owner: User, anonymous: Rest) -> None:
    known = anonymous("POST", "auth/password/reset/", {"email": owner.email})
    unknown = anonymous("POST", "auth/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


@pytest.mark.parametrize(
    "change", [{"uid": "zzzz"}, {"uid": "0"}, {"uid": "\u0661"}, {"token": "x"}, {"uid": "' or 1=1"}]
)
def test_a_reset_with_a_made_up_token_is_refused(
    owner: User, anonymous: Rest, mailoutbox: list[Any], change: dict[str, str]
) -> None:
    anonymous("POST", "auth/password/reset/", {"email": owner.email})
    link = _reset_link(mailoutbox)
    body = {"uid": link[1], "token": link[2], "password": "brand new words", **change}
    assert anonymous("POST", "auth/password/reset/confirm/", body).status_code == 400


def test_resets_and_registrations_are_throttled(owner: User, anonymous: Rest) -> None:
    resets = [anonymous("POST", "auth/password/reset/", {"email": owner.email}).status_code for _ in range(4)]
    assert resets == [202, 202, 202, 429]
    registrations = [anonymous("POST", "auth/register/", NEW).status_code for _ in range(6)]
    assert registrations == [201] * 5 + [429]


def test_the_pages_of_a_reset_lead_all_the_way(owner: User, mailoutbox: list[Any]) -> None:
    browser = Client()
    assert browser.get("/accounts/password/reset/").status_code == 200
    answer = browser.post("/accounts/password/reset/", {"email": owner.email}, follow=True)
    assert "mail with a link" in answer.content.decode()
    form = browser.get(_reset_link(mailoutbox)[0], follow=True)
    assert form.status_code == 200
    address = form.redirect_chain[-1][0]
    words = {"password1": "brand new words", "password2": "brand new words"}
    done = browser.post(address, words, follow=True)
    assert "new password is set" in done.content.decode()
    owner.refresh_from_db()
    assert owner.check_password("brand new words")
    again = Client().get(_reset_link(mailoutbox)[0], follow=True)
    assert "used already" in again.content.decode()


def test_the_mailed_link_confirms_the_address(anonymous: Rest, mailoutbox: list[Any]) -> None:
    anonymous("POST", "auth/register/", NEW)
    found = re.search(r"/accounts/confirm-email/[^\s]+", mailoutbox[-1].body)
    assert found
    browser = Client()
    assert "new.person@example.com" in browser.get(found[0]).content.decode()
    browser.post(found[0])
    assert EmailAddress.objects.get(email="new.person@example.com").verified
    assert "run out" in browser.get("/accounts/confirm-email/made-up/").content.decode()


def test_where_mail_is_mandatory_rest_wants_a_confirmed_address_too(anonymous: Rest, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    anonymous("POST", "auth/register/", NEW)
    assert anonymous("POST", "auth/login/", NEW).status_code == 401
    EmailAddress.objects.update(verified=True)
    assert anonymous("POST", "auth/login/", NEW).status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_signing_in_never_leads_to_another_site(owner: User, elsewhere: str) -> None:
    form = {"login": owner.email, "password": PASSWORD, "next": elsewhere}
    answer = Client().post("/accounts/login/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/agentos/")


@pytest.mark.parametrize(
    "page",
    [
        "login",
        "signup",
        "password/reset",
        "password/reset/done",
        "password/reset/key/done",
        "inactive",
        "confirm-email",
    ],
)
def test_every_page_of_signing_in_opens(db: None, page: str) -> None:
    answer = Client().get(f"/accounts/{page}/")
    assert answer.status_code == 200
    assert "<h1" in answer.content.decode()


@pytest.mark.parametrize("page", ["email", "password/change", "password/set", "reauthenticate", "login/code/confirm"])
def test_what_is_not_offered_is_not_there(db: None, page: str) -> None:
    assert Client().get(f"/accounts/{page}/").status_code == 404


def test_signing_in_offers_the_way_back_in_once(db: None) -> None:
    html = Client().get("/accounts/login/").content.decode()
    assert html.count("/accounts/password/reset/") == 1
    assert 'autocomplete="current-password"' in html


def test_a_wrong_form_shows_its_errors_beside_the_field_and_keeps_what_was_typed(db: None) -> None:
    words = {"password1": "short", "password2": "short"}
    html = Client().post("/accounts/signup/", {"email": "ann@example.com", **words}).content.decode()
    assert 'aria-invalid="true"' in html
    assert 'value="ann@example.com"' in html
    assert "too short" in html
    assert 'value="short"' not in html
    assert html.count('autocomplete="new-password"') == 2


def test_signing_out_takes_a_form_and_ends_the_session(owner: User) -> None:
    browser = Client()
    browser.login(email=owner.email, password=PASSWORD)
    assert "sign out" in browser.get("/accounts/logout/").content.decode()
    assert browser.get("/page/").status_code == 200
    assert browser.post("/accounts/logout/").status_code == 302
    assert browser.get("/page/")["Location"] == "/accounts/login/?next=/page/"
