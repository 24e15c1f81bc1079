"""Every page, in both themes and on a phone: readable by everybody, nothing sideways, no flash."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from apps.opie.models import (
    Agent,
    AgentOSApproval,
    AgentOSSession,
    DispatchDecision,
    Webhook,
)
from apps.opie.models.chunks import Chunk384
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.browser.filling import RICH, add_what_goes_on
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

SIGNED_OUT = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
SIGNED_IN = [
    "/agentos/",
    "/agentos/agents/",
    "/agentos/agents/new/",
    "/agentos/agents/writer/edit/",
    "/agentos/chat/assistant/",
    "/agentos/chat/writer/?session={session}",
    *("/agentos/session/{session}/", "/agentos/history/", "/agentos/history/import/"),
    "/agentos/history/statistics/?from=2026-02-01&to=2026-01-01&scope=team",
    "/agentos/runs/",
    "/agentos/runs/?state=waiting&kind=scheduled",
    "/agentos/runs/{run}/",
    "/agentos/approvals/",
    "/agentos/approvals/{approval}/",
    "/agentos/approvals/?show=decided",
    "/agentos/schedules/",
    "/agentos/schedules/new/",
    "/agentos/dispatcher/",
    "/agentos/dispatcher/?outcome=failed&days=7",
    "/agentos/dispatcher/decisions/{decision}/",
    "/agentos/commands/",
    "/agentos/commands/?q=words+of+a+task+that+no+command+has",
    "/agentos/commands/?favourites=1&mine=1&capability=NONE",
    "/agentos/commands/long/",
    "/agentos/commands/long/edit/",
    "/agentos/commands/long/versions/",
    "/agentos/commands/new/",
    "/agentos/commands/import/",
    "/agentos/memory/",
    "/agentos/knowledge/",
    "/agentos/knowledge/new/",
    "/agentos/knowledge/{base}/",
    "/agentos/knowledge/{base}/search/",
    "/agentos/knowledge/{base}/sources/",
    "/agentos/knowledge/{base}/settings/",
    "/agentos/knowledge/{base}/documents/{document}/",
    "/agentos/knowledge/passages/{chunk}/",
    "/agentos/support/",
    "/agentos/support/{support}/",
    "/agentos/webhooks/",
    "/agentos/webhooks/new/",
    "/agentos/webhooks/{webhook}/",
    "/agentos/webhooks/{webhook}/events/",
    "/agentos/widgets/",
    "/agentos/widgets/new/",
    "/agentos/widgets/{widget}/",
    "/widget/{widget}/",
    "/agentos/nothing-here/",
]
PHONE, TABLET, DESK = {"width": 390, "height": 844}, {"width": 768, "height": 1024}, {"width": 1440, "height": 900}


@pytest.fixture
def session(open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer) -> AgentOSSession:
    """A chat with everything in it: a tool, rich text, a failure, long words."""
    vendor.will(Reply("", tool="calculate", arguments={"expression": "6*7"}), Reply(RICH))
    page = open_page(person)
    page.goto("/agentos/chat/writer/")
    wait_for(ask(page, "A question with an " + "endless" * 30 + " word"))
    vendor.will(Reply("no", status=500))
    wait_for(ask(page, "Fail, please"), "failed")
    Agent.objects.create(
        agent_id="long", name="Name" * 30, description="Words " * 80, owner=person.user, team=person.team, capabilities=["CAPABILITY_" * 5],
        visibility="team", status="published", tools=["tool_" * 12],
    )  # fmt: skip
    session = AgentOSSession.objects.get()
    add_what_goes_on(person, session)
    return session


def address(path: str, session: AgentOSSession) -> str:
    """An address with the ids of what there is."""
    approval = AgentOSApproval.objects.filter(status="pending").first()
    known = {"session": session.pk, "approval": approval and approval.pk, "run": approval and approval.run_id}
    if decision := DispatchDecision.objects.first():
        known["decision"] = decision.pk
    if chunk := Chunk384.objects.order_by("position").first():
        known |= {"chunk": chunk.pk, "document": chunk.document_id, "base": chunk.document.base_id}
    if "{widget}" in path or "{support}" in path:
        support = AgentOSSession.objects.get(widget__isnull=False)
        known |= {"widget": support.widget_id, "support": support.pk}
    if "{webhook}" in path:
        known["webhook"] = Webhook.objects.get().pk
    return path.format(**known)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_keeps_anybody_out(open_page: OpenPage, person: Person, session: AgentOSSession, theme: str) -> None:
    found: list[str] = []
    for who, paths in ((None, SIGNED_OUT), (person, SIGNED_IN)):
        page = open_page(who, color_scheme=theme, viewport=DESK)
        for path in paths:
            page.goto(address(path, session))
            for details in page.locator("article details").all():
                details.evaluate("details => { details.open = true }")
            found += _barriers(page, path)
    for path, opener in (
        ("/agentos/", "Account"),
        (f"/agentos/session/{session.pk}/", "Delete"),
        ("/agentos/chat/assistant/", "Agent: "),
    ):
        page.goto(path)
        page.get_by_role("button", name=opener).click()
        found += _barriers(page, f"{path} with {opener} open")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_what_opens_in_its_place_keeps_nobody_out(
    open_page: OpenPage, person: Person, session: AgentOSSession, viewport: dict[str, int]
) -> None:
    page = open_page(person, viewport=viewport)
    found: list[str] = []
    for path, opener in (
        ("/agentos/approvals/", "Change"),
        ("/agentos/approvals/", "Reject"),
        ("/agentos/memory/", "Change this memory"),
        ("/agentos/memory/", "Delete this memory"),
        ("/agentos/memory/", "Delete all"),
        ("/agentos/memory/", "Forget this"),
        ("/agentos/schedules/", "Delete"),
        ("/agentos/commands/long/", "Run"),
        ("/agentos/commands/long/edit/", "Add a blank"),
        ("/agentos/commands/long/edit/", "Edit as JSON"),
        ("/agentos/commands/long/edit/", "Delete"),
    ):
        page.goto(path)
        page.get_by_role("button", name=opener).first.click()
        page.wait_for_load_state("networkidle")
        found += _barriers(page, f"{path} with {opener}")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], (path, opener)
    assert not found, "\n".join(found)


def test_a_form_with_mistakes_keeps_nobody_out(page: Page) -> None:
    page.goto("/agentos/agents/new/")
    page.get_by_role("button", name="Make the agent").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be saved")
    assert _barriers(page, "form with mistakes") == []


@pytest.mark.parametrize("viewport", [PHONE, TABLET, DESK], ids=["phone", "tablet", "desk"])
def test_nothing_is_wider_than_the_screen(
    open_page: OpenPage, person: Person, session: AgentOSSession, viewport: dict[str, int]
) -> None:
    for who, paths in ((None, SIGNED_OUT), (person, SIGNED_IN)):
        page = open_page(who, viewport=viewport, has_touch=viewport is PHONE)
        for path in paths:
            page.goto(address(path, session))
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
            for inner in page.locator(".log, [popover]:popover-open").all():
                assert inner.evaluate("box => box.scrollWidth <= box.clientWidth + 1"), path


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_it_can_be_read_from_right_to_left(
    open_page: OpenPage, person: Person, session: AgentOSSession, viewport: dict[str, int]
) -> None:
    page = open_page(person, locale="ar", viewport=viewport)
    for path in (
        "/agentos/",
        "/agentos/chat/writer/?session={session}",
        "/agentos/session/{session}/",
        "/agentos/runs/",
        "/agentos/approvals/",
        "/agentos/schedules/new/",
        "/agentos/commands/",
        "/agentos/commands/long/",
        "/agentos/commands/long/edit/",
    ):
        page.goto(address(path, session))
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
    page.goto(f"/agentos/chat/writer/?session={session.pk}")
    question, answer = (
        page.locator("article.question").first.bounding_box(),
        page.locator("article.answer").first.bounding_box(),
    )
    assert question is not None
    assert answer is not None
    assert abs(question["x"] - answer["x"]) < 2
    expect(page.locator("pre").first).to_have_css("direction", "ltr")


def test_on_a_phone_the_drawers_open_and_targets_are_large_enough(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/agentos/chat/assistant/")
    expect(page.get_by_role("link", name="Agents")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Agents")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Agents")).to_be_hidden()
    page.get_by_role("banner").get_by_role("button", name="History").click()
    expect(page.get_by_role("searchbox", name="Search chats")).to_be_visible()
    page.keyboard.press("Escape")
    composer = page.locator("form.composer").bounding_box()
    assert composer is not None
    assert composer["y"] + composer["height"] <= PHONE["height"]
    for button in page.locator("header.topbar button, header.topbar a, form.composer button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize(
    ("cookie", "system", "is_dark"),
    [
        ("dark", "light", True),
        ("light", "dark", False),
        (None, "dark", True),
        (None, "light", False),
        ("<b>", "dark", True),
    ],
)
def test_the_theme_is_right_before_any_script_runs(
    open_page: OpenPage, site: str, person: Person, cookie: str | None, system: str, is_dark: bool
) -> None:
    page = open_page(person, color_scheme=system)
    if cookie:
        page.context.add_cookies([{"name": "theme", "value": cookie, "url": site}])
    page.route("**/*.js", lambda route: route.abort())
    page.goto("/agentos/")
    lightness = page.evaluate(
        "getComputedStyle(document.documentElement).backgroundColor.match(/oklch\\(([0-9.]+)/)[1]"
    )
    assert (float(lightness) < 0.5) is is_dark


def test_the_theme_is_switched_and_stays(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/agentos/")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="System").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") is None


def _barriers(page: Page, place: str) -> list[str]:
    """What axe finds that keeps people out, or makes it hard for them."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{place}: {violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for violation in violations
        if violation["impact"] in ("moderate", "serious", "critical")
        for node in violation["nodes"]
    ]
