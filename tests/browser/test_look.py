"""Every page, in both themes and on a phone: readable by everybody, nothing sideways, no flash."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.musicstore.routing import SUPERVISOR
from apps.musicstore.taste import LABEL, TASTE
from apps.opie.agentos.webhook_rows import create_webhook, rotate_secret
from apps.opie.agentos.widget_rows import make_widget
from apps.opie.engine.profiles import Person as Somebody
from apps.opie.engine.profiles import remember
from apps.opie.engine.saying import say
from apps.opie.engine.visiting import begin_visit
from apps.opie.library.commands import change_command, create_command, mark_favourite
from apps.opie.models import (
    Agent,
    AgentOSApproval,
    AgentOSMemory,
    AgentOSMessage,
    AgentOSRun,
    AgentOSSchedule,
    AgentOSSession,
    CommandExecution,
    DispatchDecision,
    KnowledgeDocument,
    KnowledgeSource,
    Webhook,
    WebhookEvent,
)
from apps.opie.models.chunks import Chunk384
from apps.opie.models.messages import MessageRole
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.knowledge.bases import make_base, make_document
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
RICH = (
    "# Head\n\nWords, `code`, [a link](https://a.example/"
    + "long" * 40
    + ").\n\n```python\nprint('"
    + "x" * 200
    + "')  # so long\n```\n\n"
    "|a|b|c|d|e|f|\n|-|-|-|-|-|-|\n|" + "|".join(["a rather long cell"] * 6) + "|\n\n> said\n\n" + "unbroken" * 40
)
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


def add_what_goes_on(person: Person, session: AgentOSSession) -> None:
    """Something that waits for a yes, a message in line, a schedule and memories."""
    now, agent = timezone.now(), Agent.objects.get(agent_id="writer")
    shared = {"user": person.user, "team": person.team, "agent": agent}
    run = AgentOSRun.objects.create(
        **shared, status="waiting", input={"message": "Long" * 200}, started_at=now, is_background=True,
        most_attempts=3,
    )  # fmt: skip
    long = {"to": "someone" * 30, "lines": [{"name": "x" * 200}], "urgent": True, "amount": 1.5, "text": "a\n" * 9}
    for number, status in enumerate(("pending", "rejected")):
        AgentOSApproval.objects.create(
            **shared, run=run, tool_call_id=str(number), tool_name="tool_" * 12, arguments=long, status=status,
            decided_at=now if number else None, note="No " * 60, expires_at=now + timedelta(hours=1),
        )  # fmt: skip
    waiting = AgentOSRun.objects.create(**shared, session=session, status="pending")
    waiting.question = AgentOSMessage.objects.create(
        session=session, run=waiting, role="user", content="And then " * 20, number=90
    )
    waiting.save(update_fields=["question"])
    AgentOSSchedule.objects.create(
        **shared, name="Name" * 25, message="Ask " * 90, cron="0 9 * * 1-5", next_run_at=now, problem="Broken " * 30
    )
    add_choices(person, run)
    add_command(person)
    add_support(person)
    add_profile(person)
    add_webhook(person, session)
    base = make_base(person, visibility="team", name="Base" * 25, description="About " * 60)
    make_document(base, ["Said " * 90, "unbroken" * 60], title="Title" * 40, tags=["tag" * 15], file_name="f" * 200)
    KnowledgeDocument.objects.create(base=base, title="Lost", status="failed", reason="Reason " * 50)
    KnowledgeDocument.objects.create(base=base, title="Now", status="processing", parts_done=3, parts_total=9)
    KnowledgeSource.objects.create(base=base, url=f"https://example.com/{'x' * 300}", problem="Down " * 40)
    for number in range(3):
        AgentOSMemory.objects.create(**shared, memory="Remembers" * 40, topics=["topic" * 15] * number)


def add_profile(person: Person) -> None:
    """The team of the music store, served, and long words of what it knows of the person: its form is on the page Memory."""
    Agent.objects.create(
        agent_id=SUPERVISOR, name="Support", owner=person.user, team=person.team, visibility="team", status="published"
    )
    taste = {"music_genres": ["Genre" * 30, "Kind " * 20], "favorite_artists": ["Artist " * 12, "Other " * 9]}
    remember(
        Somebody(person.principal),
        TASTE,
        **taste,
        preferred_language="Language" * 5,
        recent_requests=["songs by " + "x" * 90],
    )


def add_support(person: Person) -> None:
    """A widget with long words, and a conversation of its visitor's that a person has taken over."""
    about = {"name": "Widget" * 15, "agent_id": "long", "greeting": "Hello" * 60}
    widget = make_widget(person.principal, about | {"allowed_origins": ["https://" + "shop" * 30 + ".example"]})
    session = begin_visit(widget).session
    AgentOSSession.objects.filter(pk=session.pk).update(title="Where " * 20 + "long" * 20, taken_over_by=person.user)
    say(session.pk, MessageRole.USER, "Where" * 60, {})
    say(session.pk, MessageRole.ASSISTANT, RICH, {"answered_by": "person", "name": "Name" * 20})


def add_webhook(person: Person, session: AgentOSSession) -> None:
    """A webhook with an old secret that still holds, and events in every state, with long words."""
    values = {"name": "shop-" * 12, "event_types": ["new_order", "customer_query"]}
    webhook = rotate_secret(person.principal, create_webhook(person.principal, values).pk, keep_previous=True)
    result = {"session_id": str(session.pk), "name" * 15: "unbroken" * 40, "lines": [{"track": "Long " * 40}]}
    for number, status in enumerate(("received", "processing", "done", "failed")):
        WebhookEvent.objects.create(
            webhook=webhook, event_id=f"{number}{'x' * 190}", event_type="new_order", data={}, digest="d",
            status=status, attempts=2, error="" if status == "done" else "Broken " * 40,
            result=result if status == "done" else {}, processed_at=timezone.now() if number > 1 else None,
        )  # fmt: skip


def add_choices(person: Person, run: AgentOSRun) -> None:
    """Choices of the dispatcher with every outcome, one of them of many candidates with long names and words."""
    parts = {"success_rate": 0.36, "response_time": 0.16, "experience": 0.1, "priority": 0.05}
    candidate = {"agent_id": "long" * 16, "score": 0.67, "parts": parts, "fit": 0.5, "words": ["word" * 30] * 6}
    shared = {"user": person.user, "team": person.team}
    for number, status in enumerate(["completed"] * 5 + ["failed", "cancelled"]):
        ended = AgentOSRun.objects.create(**shared, status=status, finished_at=timezone.now())
        DispatchDecision.objects.create(**shared, task="Task " * 9, chosen="writer", score=0.4 + number / 12, run=ended)
    DispatchDecision.objects.create(**shared, task="unbroken" * 90, fit=0.1)
    DispatchDecision.objects.create(
        **shared, task="Long " * 900, chosen="long" * 16, score=0.67, run=run,
        candidates=[candidate | {"likeness": 0.4}, candidate | {"likeness": None}],
    )  # fmt: skip


def add_command(person: Person) -> None:
    """A command with long words wherever there may be some, a field of every type, versions, and a run that failed."""
    long, choices = "unbroken" * 10, ["choice" * 20, "Several words " * 10]
    types = {"string": {}, "text": {}, "integer": {}, "number": {"min_value": 0.5}, "boolean": {"default": True},
             "choice": {"allowed_values": choices}, "multiple_choice": {"allowed_values": choices}, "date": {},
             "json": {"default": {"key" * 30: "x" * 300}}}  # fmt: skip
    parameters = [
        {"name": f"{name}_{'x' * 40}", "type": name, "label": long, "help": "Help " * 80, **more}
        for name, more in types.items()
    ]
    command = create_command(person.principal, {
        "slug": "long", "name": "Name" * 30, "description": "Words " * 80, "category": "category" * 8,
        "tags": ["tag" * 13] * 3, "template": f"{long * 8} {{{{text_{'x' * 40}}}}}", "parameters": parameters,
        "required_capabilities": ["CAPABILITY_" * 5], "example_usage": long * 9, "visibility": "team",
    })  # fmt: skip
    change_command(person.principal, command, {"template": f"{long * 9}\nAnother line", "status": "draft"})
    mark_favourite(person.principal, command, favourite=True)
    create_command(person.principal, {"name": "Words of a task", "template": "Do it.", "category": "tasks"})
    command.update_metrics(success=False)
    failed = AgentOSRun.objects.create(
        user=person.user, team=person.team, agent=Agent.objects.get(agent_id="long"), status="failed",
        error_message="Broken " * 30, finished_at=timezone.now(),
    )  # fmt: skip
    CommandExecution.objects.create(
        run=failed, command=command, address="long", version=1, parameters={f"text_{'x' * 40}": long * 9},
        user=person.user, team=person.team, outcome="failed", prompt_digest="0" * 64,
    )  # fmt: skip


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
        ("/agentos/memory/", f"Forget this: {LABEL}"),
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
