"""Everything without a mouse."""

import re

from playwright.sync_api import Page, expect

from apps.opie.models import Agent
from tests.browser.chatting import wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer


def tab_to(page: Page, name: str, most: int = 40) -> None:
    """Press Tab until the thing of this name has the focus, and see that the focus shows."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? ['', true] : [e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText || '', e.matches(':focus-visible')] }"
        )
        if name in focused[0]:
            assert focused[1]
            return
    raise AssertionError(f"{name} is not reached with {most} tabs")


def test_from_signing_in_to_signing_out(open_page: OpenPage, person: Person, agents: dict[str, Agent]) -> None:
    person.user.set_password("correct horse battery")
    person.user.save()
    page = open_page()
    page.goto("/agentos/")
    page.locator("input[name=login]").focus()
    page.keyboard.type("ann@example.com")
    tab_to(page, "Password")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r":\d+/agentos/$"))

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    tab_to(page, "Assistant\n")
    page.keyboard.press("Enter")
    page.wait_for_url("**/agentos/chat/assistant/")

    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("What is")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("6 * 7?")
    page.keyboard.press("Enter")
    wait_for(page.locator("article.answer"))
    expect(page.locator("article.question [data-text]")).to_have_text("What is\n6 * 7?")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()

    tab_to(page, "Skip")
    tab_to(page, "Account")
    page.keyboard.press("Enter")
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/login/**")
    page.goto("/agentos/")
    assert "/accounts/login/" in page.url


def test_a_tool_call_is_opened_and_read(page: Page) -> None:
    page.goto("/agentos/chat/assistant/")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("What is 6 * 7?")
    page.keyboard.press("Enter")
    wait_for(page.locator("article.answer"))
    page.get_by_role("log").focus()
    tab_to(page, "calculate")
    page.keyboard.press("Enter")
    expect(page.locator("article.answer details")).to_contain_text("Came back")
    expect(page.locator("article.answer [data-result]")).to_be_visible()


def test_escape_closes_first_and_stops_then(page: Page, vendor: VendorServer) -> None:
    vendor.pause = 0.05
    vendor.will(Reply(" ".join(["word"] * 200)))
    page.goto("/agentos/chat/writer/")
    page.keyboard.type("Write")
    page.keyboard.press("Enter")
    answer = page.locator("article.answer")
    expect(answer).to_contain_text("word")
    page.get_by_role("button", name="Account").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(answer).to_have_attribute("data-status", "running")
    page.keyboard.press("Escape")
    wait_for(answer, "cancelled")


def test_writing_in_another_script_is_not_cut_short_by_enter(page: Page) -> None:
    page.goto("/agentos/chat/assistant/")
    box = page.get_by_label("Message", exact=True)
    box.fill("にほん")
    box.evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    expect(box).to_have_value("にほん")
    expect(page.locator("article.question")).to_have_count(0)


def test_dialogs_take_and_give_back_the_focus(page: Page) -> None:
    page.goto("/agentos/chat/assistant/")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    wait_for(page.locator("article.answer"))
    page.get_by_role("link", name="Details of this chat").click()
    opener = page.get_by_role("button", name="Delete")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete “Hello”")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").filter(has_text="“Hello” was deleted.")).to_be_visible()
