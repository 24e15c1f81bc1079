"""The other ways in: cookies with CSRF, pages, and async views; and that errors look the same behind each."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Membership, Role, User
from tests.accounts.conftest import PASSWORD, Person, Rest


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def _token(browser: Client) -> str:
    browser.get("/accounts/logout/")
    return browser.cookies["csrftoken"].value


def test_a_cookie_without_the_csrf_token_changes_nothing(browser: Client) -> None:
    assert browser.get("/api/v1/teams/").status_code == 200
    body = {"name": "Forged"}
    refused = browser.post("/api/v1/teams/", body, "application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf")
    wrong = browser.post("/api/v1/teams/", body, "application/json", headers={"X-CSRFToken": "x" * 64})
    assert wrong.status_code == 403
    made = browser.post("/api/v1/teams/", body, "application/json", headers={"X-CSRFToken": _token(browser)})
    assert made.status_code == 201


def test_a_cookie_without_the_csrf_token_is_refused_by_async_views_too(browser: Client) -> None:
    body = {"text": "hello"}
    refused = browser.post("/api/echo/", body, "application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf")
    answer = browser.post("/api/echo/", body, "application/json", headers={"X-CSRFToken": _token(browser)})
    assert answer.json()["text"] == "hello"


def test_a_form_without_the_csrf_token_gets_a_page(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@b.co", "password": "x"})
    assert answer.status_code == 403
    assert "Reload and try again" in answer.content.decode()


def test_a_session_ends_with_the_stamp(browser: Client, owner: User) -> None:
    assert browser.get("/page/").content == owner.email.encode()
    User.objects.get(pk=owner.pk).sign_out_everywhere()
    assert browser.get("/page/").status_code == 302


def test_a_page_leads_who_is_not_signed_in_to_signing_in_and_a_program_gets_401(db: None) -> None:
    assert Client().get("/page/?a=1")["Location"] == "/accounts/login/?next=/page/%3Fa%3D1"
    assert Client().get("/page/", headers={"Accept": "application/json"}).status_code == 401


def test_a_page_that_does_not_ask_who_it_is_costs_no_query(browser: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/quiet/").status_code == 200
    assert len(queries) == 0


def test_the_page_to_try_the_api_runs_under_the_policy(browser: Client) -> None:
    answer = browser.get("/api/schema/swagger-ui/")
    nonce = re.search(r"'nonce-([^']+)'", answer["Content-Security-Policy"])
    assert nonce
    html = answer.content.decode()
    inline = re.findall(r"<(?:script|style)(?![^>]*\bsrc=)([^>]*)>", html)
    assert len(inline) == 2
    assert all(f'nonce="{nonce[1]}"' in attributes for attributes in inline)
    assert Client().get("/api/schema/swagger-ui/")["Location"].startswith("/accounts/login/?next=/api/schema/")


def test_an_async_view_takes_its_body_strictly(owner: User, rest: Callable[..., Rest]) -> None:
    caller = rest(owner)
    answers = {
        "good": caller("POST", "/api/echo/", {"text": "hello"}),
        "unknown": caller("POST", "/api/echo/", {"text": "x", "more": 1}),
        "missing": caller("POST", "/api/echo/", {}),
        "long": caller("POST", "/api/echo/", {"text": "x" * 21}),
        "list": caller("POST", "/api/echo/", []),
        "null": caller("POST", "/api/echo/", b"null"),
        "broken": caller("POST", "/api/echo/", b"{"),
        "large": caller("POST", "/api/echo/", {"text": "x" * 300}),
        "method": caller("PUT", "/api/echo/", {}),
        "nobody": Rest()("POST", "/api/echo/", {"text": "hello"}),
        "forged": Rest("junk")("POST", "/api/echo/", {"text": "hello"}),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "good": 200,
        "unknown": 400,
        "missing": 400,
        "long": 400,
        "list": 400,
        "null": 400,
        "broken": 400,
        "large": 413,
        "method": 405,
        "nobody": 401,
        "forged": 401,
    }
    assert list(answers["unknown"].json()["error"]["fields"]) == ["more"]
    assert answers["method"]["Allow"] == "POST, OPTIONS"
    for name, answer in answers.items():
        assert ("error" in answer.json()) == (name != "good")
    form = caller.client.post("/api/echo/", {"text": "x"}, headers=caller.headers)
    assert form.status_code == 415


def test_an_async_view_asks_for_its_permission_and_its_throttle(person: Person, rest: Callable[..., Rest]) -> None:
    person("boss")
    viewer = rest(person("ann", Role.VIEWER))
    assert viewer("POST", "/api/echo/", {"text": "hello"}).status_code == 403
    throttled = viewer("GET", "/api/throttled/")
    assert (throttled.status_code, throttled["Retry-After"]) == (429, "7")


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_an_async_view_answers(owner: User, rest: Callable[..., Rest]) -> None:
    held: list[bool] = []
    bearer = rest(owner).headers["Authorization"]

    async def call() -> bytes:
        answer = await AsyncClient().get("/api/stream/", headers={"Authorization": bearer})
        held.append(await sync_to_async(lambda: connection.connection is not None)())
        return b"".join([part async for part in answer.streaming_content])

    assert async_to_sync(call)() == b"one two"
    assert held == [False]


def test_errors_have_one_shape_wherever_they_are_raised(db: None, settings: Any) -> None:
    settings.DEBUG = False
    client = Client(raise_request_exception=False, headers={"X-Request-Id": "test-request-1"})
    expected = {
        "/api/failing/": (502, "platform_failed"),
        "/api/crashing/": (500, "internal"),
        "/api/nothing-here/": (404, "not_found"),
        "/api/v1/teams/not-an-id/": (404, "not_found"),
        "/api/v1/teams/": (401, "not_signed_in"),
        "/api/v1/auth/login/": (405, "method_not_allowed"),
    }
    for address, (status, code) in expected.items():
        answer = client.get(address)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["request_id"]) == (status, code, "test-request-1"), address
        assert error["message"]
        assert "secret inside" not in answer.content.decode()
        assert answer["X-Request-Id"] == "test-request-1"
    assert client.get("/api/failing/").json()["error"]["run_id"] == "run-1"


def test_errors_of_pages_are_pages_that_name_the_request(db: None) -> None:
    client = Client(headers={"X-Request-Id": "test-request-1"})
    for address, status in {"/failing/": 502, "/nothing-here/": 404}.items():
        answer = client.get(address)
        assert answer.status_code == status
        assert "test-request-1" in answer.content.decode()
        assert answer["Content-Type"].startswith("text/html")


def test_a_policy_with_a_nonce_of_its_own_goes_with_each_answer(db: None) -> None:
    policies = {Client().get("/health/live/")["Content-Security-Policy"] for _ in range(2)}
    assert len(policies) == 2
    for policy in policies:
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize("sent", ["short", "x" * 65, "with space in it", "line\tbreak-12345", "<script>alert(1)"])
def test_an_odd_request_id_is_not_taken_over(db: None, sent: str) -> None:
    assert Client().get("/health/live/", headers={"X-Request-Id": sent})["X-Request-Id"] != sent


def test_signing_in_in_the_browser_brings_the_page_of_the_default_team(owner: User) -> None:
    browser = Client()
    answer = browser.post("/accounts/login/", {"login": owner.email, "password": PASSWORD, "next": "/page/"})
    assert (answer.status_code, answer["Location"]) == (302, "/page/")
    assert Membership.objects.filter(user=owner, team=owner.default_team).exists()
    assert browser.get("/page/").content == owner.email.encode()
