"""Calls that wait for a person's yes: decided in the chat or on the page, changed, refused, and found again."""

import pytest
from playwright.sync_api import Locator, Page, expect

from apps.opie.models import Agent, AgentOSApproval
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person, make_person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer


@pytest.fixture(autouse=True)
def _waits(agents: dict[str, Agent]) -> None:
    Agent.objects.filter(agent_id="writer").update(approvals={"calculate": {}})


def begin(page: Page, vendor: VendorServer, *after: Reply, calls: int = 1) -> Locator:
    """A question whose answer calls the calculator; answers the first card."""
    vendor.will(Reply("", tool="calculate", arguments={"expression": "6*7"}), *after)
    page.goto("/agentos/chat/writer/")
    ask(page, "What is six times seven?")
    card = page.locator("article.answer [data-approval]")
    expect(card).to_have_count(calls)
    return card.first


def test_a_yes_lets_it_go_on_in_the_same_answer(page: Page, vendor: VendorServer) -> None:
    card = begin(page, vendor, Reply("It is 42."))
    for text in ("May this be called?", "calculate", "6*7", "It acts as you, ann@example.com."):
        expect(card).to_contain_text(text)
    answer = page.locator("article.answer")
    expect(answer).to_contain_text("Waiting for approval")
    expect(page.locator("[data-announcer]")).to_have_text("The agent asks for approval.")
    expect(page.get_by_role("link", name="Activity").locator(".count")).to_have_count(0)  # drawn before it was asked
    card.get_by_role("button", name="Approve").press("Enter")
    expect(card).to_contain_text("Approved")
    expect(card).to_be_focused()
    expect(answer).to_contain_text("It is 42.")
    wait_for(answer)
    expect(answer.locator("details", has_text="calculate")).to_contain_text("done")
    page.reload()
    expect(page.locator("article.answer [data-approval]")).to_contain_text("Decided by ann@example.com")
    expect(page.locator("article.answer [data-decide]")).to_have_count(0)


def test_it_is_still_there_after_reloading_and_goes_on_from_there(page: Page, vendor: VendorServer) -> None:
    begin(page, vendor, Reply("It is 42."))
    page.goto(page.url)
    expect(page.get_by_role("link", name="Activity")).to_contain_text("1")
    card = page.locator("article.answer [data-approval]")
    expect(card).to_have_count(1)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    card.get_by_role("button", name="Approve").click()
    wait_for(page.locator("article.answer"))
    expect(page.locator("article.answer")).to_contain_text("It is 42.")


def test_the_arguments_are_changed_and_what_runs_is_what_was_written(page: Page, vendor: VendorServer) -> None:
    card = begin(page, vendor, Reply("It is 56."))
    card.get_by_role("button", name="Change").click()
    field = card.get_by_label("expression")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(card.get_by_role("button", name="Change")).to_be_focused()
    expect(page.locator("article.answer")).to_have_attribute("data-status", "waiting")  # Escape stopped nothing else
    page.keyboard.press("Enter")
    field.fill("7*8")
    page.keyboard.press("Enter")
    expect(card).to_contain_text("Approved with changes")
    wait_for(page.locator("article.answer"))
    page.locator("article.answer details", has_text="calculate").locator("summary").click()
    expect(page.locator("article.answer [data-result]")).to_contain_text("56")
    assert AgentOSApproval.objects.get().changed_arguments == {"expression": "7*8"}


def test_a_no_is_told_with_its_reason(page: Page, vendor: VendorServer) -> None:
    card = begin(page, vendor, Reply("Then not."))
    card.get_by_role("button", name="Reject").click()
    expect(card.get_by_label("Why not?")).to_be_focused()
    page.keyboard.type("Not on a Friday")
    page.keyboard.press("Enter")
    expect(card).to_contain_text("Rejected")
    expect(card).to_contain_text("Not on a Friday")
    wait_for(page.locator("article.answer"))
    expect(page.locator("article.answer")).to_contain_text("Then not.")
    assert "Not on a Friday" in str(vendor.asked[-1])


def test_what_another_tab_decided_is_seen(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    chat, page = open_page(person), open_page(person)
    card = begin(chat, vendor, Reply("It is 42."))
    page.goto("/agentos/approvals/")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("[data-approval]")).to_contain_text("Approved")
    wait_for(chat.locator("article.answer"))
    expect(card).to_contain_text("Decided by ann@example.com")
    page.reload()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    page.get_by_role("link", name="Decided").click()
    expect(page.locator("[data-approval]")).to_contain_text("6*7")


def test_who_may_not_decide_waits_for_who_may(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    Agent.objects.filter(agent_id="writer").update(approvals={"calculate": {"by": "manager"}})
    asking, manager = open_page(make_person("ben", person.team)), open_page(person)
    card = begin(asking, vendor, Reply("It is 42."))
    expect(card).to_contain_text("Somebody who manages this team's agents decides: ann@example.com")
    expect(card.get_by_role("button")).to_have_count(0)
    manager.goto("/agentos/")
    manager.get_by_role("link", name="Activity").click()
    manager.get_by_role("link", name="Approvals").click()
    expect(manager.locator("[data-approval]")).to_contain_text("It acts as ben@example.com.")
    manager.get_by_role("button", name="Approve").click()
    wait_for(asking.locator("article.answer"))
    expect(asking.locator("article.answer")).to_contain_text("It is 42.")


def test_stopping_calls_it_off(page: Page, vendor: VendorServer) -> None:
    card = begin(page, vendor)
    page.get_by_role("button", name="Stop").click()
    wait_for(page.locator("article.answer"), "cancelled")
    expect(card).to_contain_text("Called off with the answer")
    expect(card.get_by_role("button")).to_have_count(0)
