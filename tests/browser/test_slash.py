"""`/` in a chat: commands found, filled in, run and seen again."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from apps.opie.library.commands import mark_favourite
from apps.opie.models import (
    Agent,
    AgentOSRun,
    AgentOSSession,
    CommandExecution,
    CommandTemplate,
)
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

LONG = " ".join(f"word{number}" for number in range(120))
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture
def commands(person: Person, agents: dict[str, Agent]) -> dict[str, CommandTemplate]:
    """haiku needs nothing, review two things; both are the writer's. greet is nobody's, and there are ten more."""

    def add(slug: str, **fields: object) -> CommandTemplate:
        shared = {"owner": person.user, "team": person.team, "visibility": "team", "name": slug.title()}
        return CommandTemplate.objects.create(slug=slug, **(shared | fields))

    made = {
        "haiku": add(
            "haiku", template="Write a haiku.", recommended_agent=agents["writer"], description="Three lines."
        ),
        "review": add(
            "review",
            name="Review code",
            description="Finds what is wrong.",
            template="Review this:\n{{code}}\nStrict: {{strict}}\n" + "Say why. " * 120,
            parameters=[
                {"name": "code", "type": "text", "required": True, "label": "Code", "max_length": 20},
                {"name": "strict", "type": "boolean", "default": True, "label": "Strict"},
            ],
            recommended_agent=agents["writer"],
            total_successes=5,
        ),
        "greet": add("greet", template="What is 40 + 2?"),
    }
    for number in range(10):
        add(f"other-{number}", template="Other.")
    return made


@pytest.fixture
def menu(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Commands")


def message(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def test_a_slash_opens_a_menu_that_keys_and_words_move_in(
    page: Page, menu: Locator, person: Person, commands: dict[str, CommandTemplate]
) -> None:
    mark_favourite(person.principal, commands["greet"], favourite=True)
    page.goto("/agentos/chat/assistant/")
    box = message(page)
    box.press("/")
    # The favourite, then what is used most.
    expect(menu.get_by_role("option").nth(0)).to_contain_text("Greet")
    expect(menu.get_by_role("option").nth(1)).to_contain_text("Review code")
    expect(page.get_by_role("combobox", name="Message")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("[data-announcer]")).to_contain_text("Commands: 12")
    chosen = menu.locator("[aria-selected=true]")
    expect(chosen).to_contain_text("Greet")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("Review code")
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_contain_text("Other")
    page.keyboard.type("hai")
    expect(menu.get_by_role("option")).to_have_count(1)
    expect(chosen).to_contain_text("/team.haiku")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(box).to_be_focused()
    expect(box).to_have_value("/hai")
    assert box.get_attribute("role") is None
    assert not AgentOSRun.objects.exists()


def test_what_needs_nothing_runs_at_once_and_looks_the_same_after_reloading(
    page: Page, menu: Locator, vendor: VendorServer, commands: dict[str, CommandTemplate]
) -> None:
    vendor.pause = 0.02
    vendor.will(Reply(LONG))
    page.goto("/agentos/chat/assistant/")
    message(page).press("/")
    # Enter waits for what fits: it takes nothing that was shown for other words.
    page.keyboard.type("haik")
    page.keyboard.press("Enter")
    question, answer = page.locator("article.question"), page.locator("article.answer")
    expect(question).to_contain_text("Write a haiku.")
    expect(question.locator(".command-badge")).to_have_text(re.compile("Command: *Haiku"))
    expect(answer).to_contain_text("word3")
    assert "word119" not in answer.inner_text()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    wait_for(answer)
    expect(message(page)).to_have_value("")
    expect(message(page)).to_be_focused()
    expect(page).to_have_url(re.compile(r"/agentos/chat/assistant/\?session=[0-9a-f-]{36}$"))
    for _ in range(2):
        expect(answer.locator("[data-agent-name]")).to_have_text("Writer")
        expect(answer.locator("[data-why]")).to_have_text("“Haiku” is made for Writer.")
        expect(answer).to_contain_text(LONG)
        expect(question.locator(".command-badge")).to_be_visible()
        page.reload()
    # The next message is the chat's own agent's, and so is the chat.
    wait_for(ask(page, "What is 1 + 1?"))
    expect(answer.nth(1).locator("[data-agent-name]")).to_have_text("Assistant")
    expect(question.nth(1).locator(".command-badge")).to_be_hidden()
    assert AgentOSSession.objects.get().agent.agent_id == "assistant"  # type: ignore[union-attr]
    assert CommandExecution.objects.get().outcome == "completed"


def test_a_form_shows_the_prompt_and_what_is_wrong_and_runs(
    page: Page, menu: Locator, vendor: VendorServer, commands: dict[str, CommandTemplate]
) -> None:
    vendor.will(Reply("Looks good."))
    page.goto("/agentos/chat/assistant/")
    wait_for(ask(page, "What is 1 + 1?"))
    message(page).press("/")
    page.keyboard.type("review code")
    expect(menu.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Tab")
    dialog = page.get_by_role("dialog", name="Review code")
    code = dialog.get_by_label("Code", exact=True)
    expect(code).to_be_focused()
    dialog.get_by_role("button", name="Run").click()
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(code).to_be_focused()
    page.keyboard.insert_text("a" * 20)
    expect(dialog.locator("[data-preview]")).to_contain_text("Review this:\n" + "a" * 20)
    code.evaluate("field => field.removeAttribute('maxlength')")
    page.keyboard.insert_text("b")
    page.keyboard.press("Control+Enter")
    expect(dialog.locator("#parameter-code-problem")).to_contain_text("20")
    assert _barriers(page) == []

    # What was filled in is there still when one comes back.
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(message(page)).to_be_focused()
    message(page).press("/")
    page.keyboard.type("review code")
    expect(menu.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(code).to_have_value("a" * 20 + "b")
    code.fill("print(1)")
    dialog.get_by_role("checkbox", name="Strict").uncheck()
    dialog.get_by_role("button", name="Run").click()

    expect(dialog).to_be_hidden()
    question, answer = page.locator("article.question").nth(1), page.locator("article.answer").nth(1)
    wait_for(answer)
    expect(answer).to_contain_text("Looks good.")
    expect(question).to_contain_text("print(1)\nStrict: no")
    assert CommandExecution.objects.get().parameters == {"code": "print(1)", "strict": False}
    # The beginning is enough of a long prompt.
    for _ in range(2):
        bubble = question.locator(".bubble")
        folded = bubble.bounding_box()
        question.get_by_role("button", name="Show all").click()
        unfolded = bubble.bounding_box()
        assert folded is not None
        assert unfolded is not None
        assert folded["height"] < 200 < unfolded["height"]
        expect(question.get_by_role("button", name="Show less")).to_have_attribute("aria-expanded", "true")
        page.reload()
    assert AgentOSSession.objects.get().agent.agent_id == "assistant"  # type: ignore[union-attr]


def test_a_button_opens_it_too_and_what_was_written_stays(
    page: Page, menu: Locator, commands: dict[str, CommandTemplate]
) -> None:
    page.goto("/agentos/chat/assistant/")
    message(page).fill("Not finished yet")
    button = page.get_by_role("button", name="Commands", exact=True)
    button.click()
    expect(menu.get_by_role("option").first).to_be_visible()
    expect(message(page)).to_have_value("/")
    expect(message(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(message(page)).to_have_value("Not finished yet")
    button.click()
    menu.get_by_role("option", name="Greet").click()
    answer = page.locator("article.answer")
    wait_for(answer)
    # It names no agent, so the chat's own answers.
    expect(answer.locator("[data-agent-name]")).to_have_text("Assistant")
    expect(answer).to_contain_text("42")
    expect(message(page)).to_have_value("Not finished yet")


def test_what_is_no_command_is_a_message(page: Page, menu: Locator, commands: dict[str, CommandTemplate]) -> None:
    page.goto("/agentos/chat/assistant/")
    message(page).press("/")
    page.keyboard.type("zzz")
    expect(page.get_by_text("No command fits.").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("article.question")).to_contain_text("/zzz")
    expect(page.locator("article.question .command-badge")).to_be_hidden()
    wait_for(page.locator("article.answer"))
    # What is pasted, or written on, is a message from the beginning.
    message(page).fill("/etc/hosts")
    expect(page.locator("[data-command-menu]")).to_be_hidden()


def test_a_list_that_cannot_be_loaded_says_so_and_is_tried_again(
    page: Page, menu: Locator, commands: dict[str, CommandTemplate]
) -> None:
    page.goto("/agentos/chat/assistant/")
    page.route("**/api/v1/commands/**", lambda route: route.abort())
    message(page).press("/")
    expect(page.get_by_text("The commands could not be loaded.").first).to_be_visible()
    assert _barriers(page) == []
    page.unroute("**/api/v1/commands/**")
    page.keyboard.press("Enter")
    expect(menu.get_by_role("option").first).to_be_visible()
    assert not AgentOSRun.objects.exists()


def test_what_takes_long_says_so(page: Page, menu: Locator, commands: dict[str, CommandTemplate]) -> None:
    held: list[Route] = []
    page.goto("/agentos/chat/assistant/")
    page.route("**/api/v1/commands/**", lambda route: held.append(route))
    message(page).press("/")
    expect(page.get_by_text("Looking for commands…")).to_be_visible()
    for route in held:
        route.continue_()
    expect(menu.get_by_role("option").first).to_be_visible()
    expect(page.get_by_text("Looking for commands…")).to_be_hidden()


def test_a_command_that_is_not_taken_gives_its_form_back_with_the_reason(
    page: Page, menu: Locator, commands: dict[str, CommandTemplate]
) -> None:
    page.goto("/agentos/chat/assistant/")
    message(page).press("/")
    page.keyboard.type("review code")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Review code")
    dialog.get_by_label("Code", exact=True).fill("print(1)")
    CommandTemplate.objects.filter(slug="review").update(status="withdrawn")
    dialog.get_by_role("button", name="Run").click()
    expect(dialog.get_by_role("alert")).to_contain_text("withdrawn")
    expect(dialog.get_by_label("Code", exact=True)).to_have_value("print(1)")
    page.keyboard.press("Escape")
    expect(page.locator("article")).to_have_count(0)
    # Who chooses one that was withdrawn meanwhile, and needs nothing, is told beside the composer.
    message(page).press("/")
    page.keyboard.type("haiku")
    expect(menu.get_by_role("option")).to_have_count(1)
    CommandTemplate.objects.filter(slug="haiku").update(status="withdrawn")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="withdrawn")).to_be_visible()
    expect(page.locator("article")).to_have_count(0)


def test_a_command_waits_its_turn_and_keeps_its_name(
    page: Page, menu: Locator, vendor: VendorServer, commands: dict[str, CommandTemplate]
) -> None:
    vendor.will(Reply(LONG), Reply("Old pond."))
    go_on = vendor.hold_back()
    page.goto("/agentos/chat/writer/")
    expect(ask(page, "Write a lot")).to_contain_text("word1")
    message(page).press("/")
    page.keyboard.type("haiku")
    expect(menu.get_by_role("option")).to_have_count(1)
    # Escape closes the menu, and stops no answer.
    page.keyboard.press("Escape")
    message(page).fill("")
    message(page).press("/")
    page.keyboard.type("haiku")
    page.keyboard.press("Enter")
    waiting = page.get_by_role("list", name="Messages that wait").get_by_role("listitem")
    expect(waiting).to_contain_text("Write a haiku.")
    # Leaving sooner would break off what is on its way to the server.
    expect(waiting).to_have_attribute("data-taken", "")
    page.reload()
    expect(waiting).to_contain_text("Write a haiku.")
    go_on()
    answer = page.locator("article.answer").nth(1)
    wait_for(answer)
    expect(page.locator("article.answer").first).to_have_attribute("data-status", "completed")
    expect(answer).to_contain_text("Old pond.")
    expect(answer.locator("[data-why]")).to_contain_text("made for")
    expect(page.locator("article.question").nth(1).locator(".command-badge")).to_contain_text("Haiku")


def test_its_answer_is_tried_again_by_the_agent_that_gave_it(
    page: Page, menu: Locator, vendor: VendorServer, commands: dict[str, CommandTemplate]
) -> None:
    vendor.will(Reply("First."), Reply("Second."))
    page.goto("/agentos/chat/assistant/")
    wait_for(ask(page, "What is 1 + 1?"))
    message(page).press("/")
    page.keyboard.type("haiku")
    page.keyboard.press("Enter")
    answer = page.locator("article.answer").nth(1)
    wait_for(answer)
    expect(answer).to_have_attribute("data-message", re.compile("."))
    answer.get_by_role("button", name="Try this answer again").click()
    expect(answer).to_contain_text("Second.")
    wait_for(answer)
    expect(answer.locator("[data-agent-name]")).to_have_text("Writer")
    expect(page.locator("article.question").nth(1).locator(".command-badge")).to_contain_text("Haiku")
    assert AgentOSSession.objects.get().agent.agent_id == "assistant"  # type: ignore[union-attr]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_keeps_nobody_out_on_a_phone(
    open_page: OpenPage, person: Person, commands: dict[str, CommandTemplate], theme: str
) -> None:
    CommandTemplate.objects.filter(slug="review").update(name="Name" * 25, description="Words " * 60)
    page = open_page(person, viewport=PHONE, has_touch=True, is_mobile=True, color_scheme=theme)
    page.goto("/agentos/chat/assistant/")
    page.get_by_role("button", name="Commands", exact=True).tap()
    option = page.get_by_role("option").first
    expect(option).to_contain_text("Name")
    assert _barriers(page) == []
    box = option.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    option.tap()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Code", exact=True)).to_be_visible()
    expect(dialog.locator(".command-preview")).to_be_visible()
    assert _barriers(page) == []
    shape = dialog.bounding_box()
    assert shape is not None
    assert shape["x"] >= 0
    assert shape["x"] + shape["width"] <= PHONE["width"]
    assert shape["y"] + shape["height"] <= PHONE["height"]
    for button in dialog.get_by_role("button").all():
        target = button.bounding_box()
        assert target is not None
        assert min(target["width"], target["height"]) >= 44
    dialog.get_by_role("button", name="Cancel").tap()
    expect(dialog).to_be_hidden()


def _barriers(page: Page) -> list[str]:
    """As in test_look. A combobox of several lines is no worse than a minor matter: HTML knows none."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for violation in violations
        if violation["impact"] in ("moderate", "serious", "critical")
        for node in violation["nodes"]
    ]
