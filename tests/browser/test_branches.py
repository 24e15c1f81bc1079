"""Questions that are edited, answers that are tried again: the old ones stay, and one moves between them."""

import re

from playwright.sync_api import Locator, Page, expect

from apps.opie.models import Agent, AgentOSMessage, AgentOSSession
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer


def chat(page: Page, vendor: VendorServer, *answers: str) -> None:
    """One question for each answer, so that both are easily told apart."""
    page.goto("/agentos/chat/writer/")
    for answer in answers:
        vendor.will(Reply(answer))
        wait_for(ask(page, f"For {answer}"))


def pager(page: Page, of: str) -> Locator:
    return page.get_by_role("group", name=f"Versions of this {of}")


def said(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("article.question [data-text], article .markdown").all_inner_texts()]


def test_a_question_is_edited_in_its_place_and_both_ways_stay(page: Page, vendor: VendorServer) -> None:
    chat(page, vendor, "one", "two", "three")
    vendor.will(Reply("new"))
    page.locator("article.question").nth(1).hover()
    page.locator("article.question").nth(1).get_by_role("button", name="Edit this question").click()
    box = page.get_by_label("Edit this question").and_(page.locator("textarea"))
    expect(box).to_be_focused()
    expect(box).to_have_value("For two")
    box.fill("For new")
    page.keyboard.press("Enter")
    expect(page.locator("article.answer").nth(1)).to_contain_text("new")
    wait_for(page.locator("article.answer").nth(1))
    assert said(page) == ["For one", "one", "For new", "new"]
    expect(pager(page, "question")).to_contain_text("2 of 2")

    pager(page, "question").get_by_role("link", name="Previous version").click()
    expect(page.locator("article.answer")).to_have_count(3)
    assert said(page) == ["For one", "one", "For two", "two", "For three", "three"]
    expect(pager(page, "question")).to_contain_text("1 of 2")
    expect(page.locator("[data-announcer]")).to_have_text("Version 1 of 2 is shown.")
    expect(pager(page, "question").get_by_role("link", name="Next version")).to_be_focused()
    expect(page).to_have_url(re.compile(r"&message="))

    # What is shown goes on, also after reloading and in a list of everything.
    page.reload()
    assert said(page)[-1] == "three"
    vendor.will(Reply("four"))
    wait_for(ask(page, "For four"))
    assert said(page)[-4:] == ["For three", "three", "For four", "four"]
    page.go_back()
    expect(page.locator("article.question").nth(1)).to_contain_text("For new")
    assert AgentOSMessage.objects.filter(role="user").count() == 5


def test_escape_leaves_a_question_as_it_was(page: Page, vendor: VendorServer) -> None:
    chat(page, vendor, "one")
    page.get_by_role("button", name="Edit this question").click()
    page.keyboard.type(" and more")
    page.keyboard.press("Escape")
    expect(page.locator("textarea#edited")).to_have_count(0)
    expect(page.get_by_role("button", name="Edit this question")).to_be_focused()
    assert said(page) == ["For one", "one"]


def test_an_answer_is_tried_again_and_the_keyboard_moves_between_the_tries(page: Page, vendor: VendorServer) -> None:
    chat(page, vendor, "one")
    for text in ("two", "three"):
        vendor.will(Reply(text))
        page.get_by_role("button", name="Try this answer again").press("Enter")
        expect(page.locator("article.answer")).to_contain_text(text)
        wait_for(page.locator("article.answer"))
    expect(pager(page, "answer")).to_contain_text("3 of 3")
    assert said(page) == ["For one", "three"]
    pager(page, "answer").get_by_role("link", name="Previous version").press("Enter")
    expect(pager(page, "answer")).to_contain_text("2 of 3")
    assert said(page) == ["For one", "two"]
    page.keyboard.press("Enter")
    expect(pager(page, "answer")).to_contain_text("1 of 3")
    assert said(page) == ["For one", "one"]
    expect(pager(page, "answer").get_by_role("link", name="Next version")).to_be_focused()
    page.go_back()
    expect(pager(page, "answer")).to_contain_text("2 of 3")
    assert AgentOSMessage.objects.filter(role="user").count() == 1


def test_a_chat_branches_off_into_a_new_one(page: Page, vendor: VendorServer) -> None:
    chat(page, vendor, "one", "two")
    first = page.locator("article.answer").first
    first.hover()
    first.get_by_role("button", name="Branch from here into a new chat").click()
    expect(page.locator("article.answer")).to_have_count(1)
    assert said(page) == ["For one", "one"]
    assert AgentOSSession.objects.count() == 2
    vendor.will(Reply("elsewhere"))
    wait_for(ask(page, "And now?"))
    assert said(page)[-1] == "elsewhere"
    # What came along can be tried again too.
    vendor.will(Reply("better"))
    page.locator("article.answer").first.hover()
    page.locator("article.answer").first.get_by_role("button", name="Try this answer again").click()
    expect(page.locator("article.answer")).to_contain_text("better")
    wait_for(page.locator("article.answer"))
    assert said(page) == ["For one", "better"]


def test_nothing_branches_off_while_an_answer_is_written(page: Page, vendor: VendorServer) -> None:
    chat(page, vendor, "one")
    vendor.pause = 0.05
    vendor.will(Reply(" ".join(["word"] * 100)))
    answer = ask(page, "Write")
    expect(answer).to_contain_text("word word")
    expect(page.get_by_role("button", name="Edit this question").first).to_be_disabled()
    expect(page.get_by_role("button", name="Try this answer again").first).to_be_disabled()
    page.keyboard.press("Escape")
    wait_for(answer, "cancelled")
    expect(page.get_by_role("button", name="Try this answer again").last).to_be_enabled()


def test_an_edit_that_is_refused_is_put_back(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    page, other = open_page(person), open_page(person)
    chat(page, vendor, "one")
    other.goto(page.url)
    vendor.pause = 0.05
    vendor.will(Reply(" ".join(["word"] * 200)))
    busy = ask(other, "Write")
    expect(busy).to_contain_text("word")
    page.get_by_role("button", name="Edit this question").click()
    page.locator("textarea#edited").fill("Something else")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="being written")).to_be_visible()
    expect(page.locator("article.question").first).to_contain_text("For one")
    # It has caught up with the other one.
    expect(page.locator("article.answer").nth(1)).to_contain_text("word word")
    other.keyboard.press("Escape")
    wait_for(page.locator("article.answer").nth(1), "cancelled")


def test_on_a_phone_all_of_it_is_there_and_large_enough(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    page = open_page(person, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    chat(page, vendor, "one")
    vendor.will(Reply("two"))
    page.get_by_role("button", name="Try this answer again").tap()
    expect(pager(page, "answer")).to_contain_text("2 of 2")
    for target in page.locator(".message-actions button:visible, .message-actions a:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    pager(page, "answer").get_by_role("link", name="Previous version").tap()
    expect(page.locator("article.answer")).to_contain_text("one")
