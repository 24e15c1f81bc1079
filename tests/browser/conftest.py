"""A real browser on a real server. What the page complains of, and every answer of 500, fails the test.

The browser lives as long as this folder's tests: Playwright keeps a loop running in the thread, in which no async test
of another folder could run.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from apps.accounts.models import Role, Team
from apps.opie.models import Agent, AIPlatform
from apps.opie.models.agents import AgentStatus, AgentVisibility
from apps.opie.models.platforms import ApiType
from tests.browser.site import serving
from tests.browser.vendor_thread import vendor_running
from tests.opie.people import Person, make_person, make_team
from tests.vendors.server import VendorServer

OpenPage = Callable[..., Page]
# For a machine that has much else to do: what is there sooner is not waited for.
PATIENCE_MS = 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium(browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    # Django refuses rows in a thread with a loop; Playwright's loop stands still while a test runs.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE_MS)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(**browser_type_launch_args)
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(str(connection.settings_dict["NAME"]), tmp_path_factory.mktemp("site") / "log") as url:
        yield url


@pytest.fixture
def vendor() -> Iterator[VendorServer]:
    with vendor_running() as server:
        yield server


@pytest.fixture
def team(transactional_db: None) -> Team:
    return make_team("Ours")


@pytest.fixture
def person(team: Team) -> Person:
    return make_person("ann", team, Role.OWNER)


@pytest.fixture
def agents(person: Person, vendor: VendorServer) -> dict[str, Agent]:
    """assistant answers offline; writer says what the test has the vendor say."""
    offline = AIPlatform.objects.create(
        platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline-responder", priority=900
    )
    mock = AIPlatform.objects.create(
        platform_name="mock", api_type=ApiType.OPENAI_COMPATIBLE, base_url=f"{vendor.url}/v1", default_model="mock-1"
    )

    def add(agent_id: str, platform: AIPlatform, **fields: Any) -> Agent:
        shared = {
            "visibility": AgentVisibility.PUBLIC,
            "status": AgentStatus.PUBLISHED,
            "owner": person.user,
            "team": person.team,
        }
        agent = Agent.objects.create(agent_id=agent_id, name=agent_id.title(), **(shared | fields))
        agent.models.create(platform=platform, position=0)
        return agent

    starters = ["What is 17.5 % of 2,480?", "What time is it in Tokyo?"]
    return {
        "assistant": add(
            "assistant",
            offline,
            tools=["calculate", "get_date_and_time"],
            starters=starters,
            description="Helps with everything.",
        ),
        "writer": add("writer", mock, tools=["calculate"]),
    }


@pytest.fixture
def complaints() -> list[str]:
    """What pages said that they should not have. A test that expects one takes it out."""
    return []


@pytest.fixture
def open_page(chromium: Browser, site: str, complaints: list[str], transactional_db: None) -> Iterator[OpenPage]:
    """Opens a page as nobody, or as somebody who is signed in; takes what Playwright's new_context takes.

    The pages are closed before the rows are taken away from under them.
    """
    contexts: list[BrowserContext] = []

    def opened(who: Person | None = None, **options: Any) -> Page:
        context = chromium.new_context(base_url=site, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        if who is not None:
            context.add_cookies([{"name": "sessionid", "value": _session_of(who), "url": site}])
        page = context.new_page()
        page.on("console", lambda message: complaints.extend(_complaint(message)))
        page.on("pageerror", lambda error: complaints.append(f"page: {error}"))
        page.on("response", lambda response: complaints.extend(_failure(response)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: OpenPage, person: Person, agents: dict[str, Agent]) -> Page:
    """A page of the team's owner, with agents to talk to."""
    return open_page(person, viewport={"width": 1280, "height": 800})


def _session_of(who: Person) -> str:
    client = Client()
    client.force_login(who.user, "allauth.account.auth_backends.AuthenticationBackend")
    return client.cookies["sessionid"].value


def _complaint(message: ConsoleMessage) -> list[str]:
    # Answers of 4xx are logged too; a test that expects one asserts it in the page.
    if message.type not in ("error", "warning") or "Failed to load resource" in message.text:
        return []
    return [f"console: {message.text}"]


def _failure(response: Response) -> list[str]:
    return [f"{response.status} {response.url}"] if response.status >= 500 else []
