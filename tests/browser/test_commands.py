"""The command library in a browser: found while typing, filled in beside its prompt, run in place, written."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from apps.opie.library.commands import create_command
from apps.opie.models import (
    Agent,
    AgentOSRun,
    AgentOSSession,
    CommandExecution,
    CommandFavourite,
    CommandTemplate,
)
from tests.browser.conftest import OpenPage
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

PARAMETERS = [
    {"name": "code", "type": "text", "required": True, "max_length": 40, "label": "Code or diff"},
    {"name": "points", "type": "integer", "min_value": 1, "max_value": 9, "default": 3},
    {"name": "focus", "type": "multiple_choice", "allowed_values": ["security", "speed"]},
    {"name": "strict", "type": "boolean", "label": "Be strict"},
]
TEMPLATE = "Name {{points}} faults of:\n{{code}}\n{{#if focus}}\nAbove all:\n{{focus}}\n{{/if}}\n{{#if strict}}Be strict.{{/if}}"


def make(who: Person, **changes: object) -> CommandTemplate:
    definition = {"name": "Review code", "template": "Review this.", "visibility": "team"}
    return create_command(who.principal, definition | changes)


@pytest.fixture
def command(person: Person, agents: dict[str, Agent]) -> CommandTemplate:
    return make(person, slug="review", template=TEMPLATE, parameters=PARAMETERS, recommended_agent="writer")


def prompt(page: Page) -> str:
    return page.locator("[data-preview]").inner_text()


def test_the_library_narrows_as_one_types_and_the_address_follows(page: Page, person: Person) -> None:
    for number in range(12):
        make(person, name=f"Plan trip {number}", category="travel")
    make(person, name="Review a contract", category="legal", description="Finds unusual clauses.")
    page.goto("/agentos/commands/")
    names = page.locator(".command-name")
    expect(names).to_have_count(13)
    search = page.get_by_role("searchbox", name="Search commands")
    search.press_sequentially("contr", delay=15)
    expect(names).to_have_text(["Review a contract"])
    expect(page).to_have_url(re.compile(r"\?q=contr$"))
    expect(page.locator("[data-announcer]")).to_have_text("1 command")
    expect(page.get_by_role("link", name="Export")).to_have_attribute("href", re.compile("search=contr"))
    # The arrows lead to what was found, and Enter opens it.
    page.keyboard.press("ArrowDown")
    expect(names.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(search).to_be_focused()
    search.fill("my supplier wants odd clauses")
    expect(page.get_by_role("heading", name="These fit the task best")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Review a contract")
    page.go_back()
    expect(search).to_have_value("my supplier wants odd clauses")
    expect(names).to_have_text(["Review a contract"])
    page.goto("/agentos/commands/?category=travel")
    expect(names).to_have_count(12)
    page.get_by_label("Favourites").check()
    expect(page.get_by_text("You have marked no command of these yet")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?category=travel&favourites=1$"))


def test_a_star_shows_at_once_and_stays(page: Page, command: CommandTemplate) -> None:
    page.goto("/agentos/commands/")
    star = page.get_by_role("button", name="Favourite: Review code")
    with page.expect_response("**/favourite/"):
        star.click()
        expect(star).to_have_attribute("aria-pressed", "true")
    assert CommandFavourite.objects.count() == 1
    page.reload()
    expect(page.get_by_role("heading", level=2)).to_have_text(["Favourites"])
    page.route("**/favourite/", lambda route: route.abort())
    star.click()
    # What could not be kept is taken back.
    expect(star).to_have_attribute("aria-pressed", "true")
    assert CommandFavourite.objects.count() == 1


def test_the_prompt_follows_the_form_and_mistakes_stand_beside_their_fields(
    page: Page, command: CommandTemplate
) -> None:
    page.goto("/agentos/commands/team.review/")
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text("‹Code or diff›")
    expect(page.get_by_text("To see the whole prompt, fill in: Code or diff.")).to_be_visible()
    expect(page.get_by_text("This is required.")).to_be_hidden()
    page.get_by_label("Code or diff").fill("x = {{points}}")
    page.get_by_label("security").check()
    page.get_by_label("Be strict").check()
    expect(preview).to_have_text("Name 3 faults of:\nx = {{points}}\nAbove all:\n- security\nBe strict.")
    points = page.get_by_label("Points")
    points.fill("12")
    page.keyboard.press("Tab")
    expect(page.locator("#parameter-points-problem")).to_have_text("At most 9.")
    expect(points).to_have_attribute("aria-invalid", "true")
    # The last prompt that was right stays.
    expect(preview).to_contain_text("Name 3 faults")
    points.fill("2")
    expect(page.locator("#parameter-points-problem")).to_be_hidden()
    expect(preview).to_contain_text("Name 2 faults")
    page.get_by_label("Code or diff").fill("")
    page.keyboard.press("Tab")
    expect(page.locator("#parameter-code-problem")).to_have_text("This is required.")


def test_running_it_streams_the_answer_in_place_and_leads_to_the_chat(
    page: Page, command: CommandTemplate, vendor: VendorServer
) -> None:
    vendor.will(Reply("**One fault:** `eval` is there."))
    page.goto("/agentos/commands/review/")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Run").click()
    # Nothing is sent, and the cursor is where something is missing.
    expect(page.get_by_label("Code or diff")).to_be_focused()
    expect(page.get_by_text("This is required.")).to_be_visible()
    assert not AgentOSRun.objects.exists()
    page.keyboard.type("eval(x)")
    page.keyboard.press("Control+Enter")
    answer = page.locator("article.answer")
    expect(answer).to_have_attribute("data-status", "completed")
    expect(answer.locator("strong")).to_have_text("One fault:")
    expect(answer.get_by_role("heading", name="Writer")).to_be_visible()
    expect(answer.locator("[data-why]")).to_contain_text("is made for")
    expect(page.locator("[data-announcer]")).to_have_text("The answer is complete.")
    expect(page.get_by_role("button", name="Run")).to_be_enabled()
    past = page.locator("#history-of-command")
    expect(past.get_by_role("listitem")).to_have_count(1)
    expect(past).to_contain_text("eval(x)")
    expect(page.get_by_text("100 %")).to_be_visible()
    session = AgentOSSession.objects.get()
    page.get_by_role("link", name="Continue in the chat").click()
    expect(page).to_have_url(re.compile(f"/agentos/chat/writer/.session={session.pk}"))
    expect(page.locator("article.answer")).to_contain_text("One fault:")


def test_it_runs_on_its_own_with_whom_one_chooses(page: Page, command: CommandTemplate) -> None:
    page.goto("/agentos/commands/review/")
    page.get_by_label("Code or diff").fill("6 * 7")
    page.get_by_label("Who answers").select_option("assistant")
    expect(page.get_by_text("You chose this agent.")).to_be_visible()
    page.get_by_label("In a chat, so that you can ask further").uncheck()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("article.answer")).to_have_attribute("data-status", "completed")
    expect(page.locator("article.answer").get_by_role("heading", name="Assistant")).to_be_visible()
    expect(page.get_by_role("link", name="Continue in the chat")).to_be_hidden()
    assert not AgentOSSession.objects.exists()
    execution = CommandExecution.objects.get()
    assert execution.parameters == {"code": "6 * 7", "points": 3, "focus": [], "strict": False}
    page.get_by_role("link", name="Fill in again").click()
    expect(page.get_by_label("Code or diff")).to_have_value("6 * 7")
    page.get_by_role("link", name="6 * 7", exact=True).click()
    expect(page).to_have_url(re.compile(f"/agentos/runs/{execution.run_id}/"))


def test_an_answer_is_stopped_with_escape(page: Page, command: CommandTemplate, vendor: VendorServer) -> None:
    vendor.will(Reply("word " * 400, fault="hang"))
    page.goto("/agentos/commands/review/")
    page.get_by_label("Code or diff").fill("x")
    page.get_by_role("button", name="Run").click()
    answer = page.locator("article.answer")
    expect(answer.locator(".markdown")).to_contain_text("word")
    expect(page.get_by_role("button", name="Run")).to_be_disabled()
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Escape")
    expect(answer).to_have_attribute("data-status", "cancelled")
    expect(page.get_by_role("button", name="Run")).to_be_focused()
    expect(page.locator("#history-of-command")).to_contain_text("Stopped")


def test_who_comes_back_sees_the_answer_go_on(page: Page, command: CommandTemplate, vendor: VendorServer) -> None:
    vendor.will(Reply("word " * 400, fault="hang"))
    page.goto("/agentos/commands/review/")
    page.get_by_label("Code or diff").fill("x")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("article.answer .markdown")).to_contain_text("word")
    page.reload()
    answer = page.locator("article.answer")
    expect(answer.locator(".markdown")).to_contain_text("word")
    expect(answer.get_by_role("heading", name="Writer")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(answer).to_have_attribute("data-status", "cancelled")


def test_what_the_platform_fails_with_stands_in_the_answers_place(
    page: Page, command: CommandTemplate, vendor: VendorServer
) -> None:
    vendor.will(Reply("no", status=400))
    page.goto("/agentos/commands/review/")
    page.get_by_label("Code or diff").fill("x")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("article.answer")).to_have_attribute("data-status", "failed")
    expect(page.locator("article.answer").get_by_role("alert")).to_be_visible()
    expect(page.locator("#history-of-command")).to_contain_text("Failed")


def test_a_command_is_written_in_rows(page: Page, person: Person) -> None:
    page.goto("/agentos/commands/new/")
    page.get_by_label("Name", exact=True).first.fill("Translate")
    page.get_by_role("button", name="Add a blank").click()
    page.keyboard.type("text")
    row = page.locator("[data-row]").first
    row.get_by_label("What it takes").select_option("text")
    row.get_by_label("Must be filled in").check()
    page.get_by_role("button", name="Add a blank").click()
    page.keyboard.type("language")
    row = page.locator("[data-row]").nth(1)
    row.get_by_label("What it takes").select_option("choice")
    row.get_by_label("Choices, one a line").fill("German\nArabic\n")
    row.get_by_text("Label, help, default and limits").click()
    row.get_by_label("Default").fill("Dutch")
    expect(row.locator("[data-row-problem]")).to_contain_text("default: Choose one of: German, Arabic.")
    row.get_by_label("Default").fill("Arabic")
    expect(row.locator("[data-row-problem]")).to_be_hidden()
    template = page.get_by_label("Template")
    template.fill("Into ")
    page.get_by_role("button", name="{{language}}").click()
    page.keyboard.type(":\n  {{txet}}")
    problem = page.get_by_role("button", name="Line 2, column 3: there is no parameter named txet.")
    problem.click()
    expect(template).to_be_focused()
    assert template.evaluate("field => field.selectionStart") == len("Into {{language}}:\n  ")
    template.fill("Into {{language}}:\n{{text}}")
    expect(problem).to_be_hidden()
    page.locator("[data-row]").nth(1).get_by_role("button", name="Move up").click()
    page.get_by_role("button", name="Make the command").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Translate")
    made = CommandTemplate.objects.get()
    assert made.parameters == [
        {"name": "language", "type": "choice", "default": "Arabic", "allowed_values": ["German", "Arabic"]},
        {"name": "text", "type": "text", "required": True},
    ]
    assert made.template.replace("\r", "") == "Into {{language}}:\n{{text}}"


def test_rows_keep_every_type_as_it_is(page: Page, person: Person) -> None:
    parameters = [
        {"name": "a", "type": "string", "allowed_values": ["x", "y"], "default": "x", "label": "A", "help": "Help"},
        {"name": "b", "type": "text", "min_length": 1, "max_length": 9, "default": "two\nlines"},
        {"name": "c", "type": "integer", "min_value": 1, "max_value": 3, "allowed_values": [1, 2], "required": True},
        {"name": "d", "type": "number", "min_value": 0.5, "default": 1.5},
        {"name": "e", "type": "boolean", "default": False},
        {"name": "f", "type": "multiple_choice", "allowed_values": ["x", "y"], "default": ["x", "y"], "max_length": 2},
        {"name": "g", "type": "date", "min_value": "2026-01-01", "default": "2026-01-02"},
        {"name": "h", "type": "json", "default": ["x", {"y": 1}]},
    ]
    make(person, slug="all", parameters=parameters)
    page.goto("/agentos/commands/team.all/edit/")
    page.get_by_role("button", name="Edit as JSON").click()
    assert json.loads(page.get_by_label("Blanks, as JSON").input_value()) == CommandTemplate.objects.get().parameters
    page.get_by_label("Blanks, as JSON").fill("[{]")
    page.get_by_role("button", name="Edit in rows").click()
    expect(page.get_by_text("This cannot be shown in rows")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_without_scripts_all_of_it_works(
    open_page: OpenPage, person: Person, command: CommandTemplate, width: int
) -> None:
    page = open_page(person, java_script_enabled=False, viewport={"width": width, "height": 900})
    page.goto("/agentos/commands/")
    page.get_by_role("searchbox").fill("review")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="Favourite: Review code").click()
    assert CommandFavourite.objects.count() == 1
    page.get_by_role("link", name="Review code").click()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert").filter(has_text="This could not be run yet")).to_be_visible()
    page.get_by_label("Code or diff").fill("x")
    page.get_by_role("button", name="Run").click()
    expect(page).to_have_url(re.compile("/agentos/runs/"))
    assert CommandExecution.objects.get().parameters["code"] == "x"
    page.goto("/agentos/commands/team.review/edit/")
    page.get_by_label("What it is for").fill("Changed")
    page.get_by_role("button", name="Save").click()
    assert CommandTemplate.objects.get().description == "Changed"
