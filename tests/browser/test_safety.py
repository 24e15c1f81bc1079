"""Names, messages and answers are words: whatever is in them, nothing runs, nothing is fetched, nothing is drawn."""

from playwright.sync_api import Page, Request, expect

from apps.opie.models import Agent, AgentOSSession
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=https://evil.example/i.png onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</template></textarea></title><script>alert(1)</script>",
    "{{ 7*7 }}{% debug %}",
    "[x](javascript:alert(1))",
    "![i](https://evil.example/i.png)",
    "<a href=\"javascript:alert(1)\" hx-get='https://evil.example/'>x</a>",
    "<style>@import 'https://evil.example/s.css'</style>",
    "<iframe src=https://evil.example></iframe><form action=https://evil.example><input name=q></form>",
]
ALL = " ".join(ATTACKS)


def test_nothing_that_is_written_acts(
    open_page: OpenPage, site: str, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    fields = {"name": ALL[:120], "description": ALL[:500], "starters": [attack[:200] for attack in ATTACKS[:8]]}
    Agent.objects.filter(agent_id="writer").update(**fields)
    vendor.will(Reply("", tool="calculate", arguments={"expression": ALL}), Reply("\n\n".join(ATTACKS)))
    page = open_page(person)
    foreign: list[str] = []
    page.on("request", lambda request: foreign.extend(_foreign(request, site)))

    page.goto("/agentos/chat/writer/")
    answer = ask(page, ALL)
    wait_for(answer)
    # Pictures and links are there as links to follow, or as words.
    expect(answer.get_by_role("link", name="i", exact=True)).to_have_attribute("href", "https://evil.example/i.png")
    expect(answer).to_contain_text("<script>alert(1)</script>")
    _assert_only_ours(page)
    AgentOSSession.objects.update(title=ALL[:200])
    session = AgentOSSession.objects.get()
    for path in (
        page.url,
        "/agentos/",
        "/agentos/agents/",
        "/agentos/agents/writer/edit/",
        "/agentos/chat/writer/",
        f"/agentos/session/{session.pk}/",
        f"/agentos/agents/?q={ALL}",
    ):
        page.goto(path)
        for details in page.locator("details").all():
            details.evaluate("details => { details.open = true }")
        _assert_only_ours(page)
    assert foreign == []


def test_the_policy_would_stop_what_slipped_through(page: Page, complaints: list[str]) -> None:
    page.goto("/agentos/")
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\"><img src=https://evil.example/i.png>')"
    )
    page.wait_for_timeout(300)
    assert page.title() != "1"
    assert len(complaints) >= 2
    assert all("Content Security Policy" in complaint for complaint in complaints)
    complaints.clear()


def _foreign(request: Request, site: str) -> list[str]:
    return [] if request.url.startswith((site, "data:", "blob:")) else [request.url]


def _assert_only_ours(page: Page) -> None:
    strange = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(element =>
            ["IFRAME", "OBJECT", "EMBED", "BASE", "STYLE", "IMG", "AUDIO", "VIDEO"].includes(element.tagName)
            || (element.tagName === "SCRIPT" && !["application/json", "module"].includes(element.type))
            || [...element.attributes].some(({name, value}) =>
                name.startsWith("on") || name === "style" || /^\\s*javascript:/i.test(value)
                || (name.startsWith("hx-") && value.includes("evil")) || (name === "action" && value.includes("evil"))))
            .map(element => element.outerHTML.slice(0, 200))"""
    )
    assert strange == []
