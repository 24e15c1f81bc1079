"""Messages that are sent while an answer is written wait their turn; a second tab and a lost line see the same."""

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

LONG = " ".join(f"word{number}" for number in range(120))


def begin_a_long_answer(page: Page, vendor: VendorServer) -> Callable[[], object]:
    """The answer stops after its first words, and goes on when what this returns is called."""
    vendor.pause = 0.01
    vendor.will(Reply(LONG), Reply("The second."), Reply("The third."))
    go_on = vendor.hold_back()
    page.goto("/agentos/chat/writer/")
    expect(ask(page, "First")).to_contain_text("word1")
    return go_on


def send(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_messages_wait_in_line_and_begin_by_themselves(page: Page, vendor: VendorServer) -> None:
    go_on = begin_a_long_answer(page, vendor)
    expect(page.get_by_role("button", name="Send when it is its turn")).to_be_hidden()
    page.get_by_label("Message", exact=True).fill("Second")
    expect(page.get_by_role("button", name="Send when it is its turn")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.keyboard.press("Enter")
    send(page, "Third")
    line = page.get_by_role("list", name="Messages that wait").get_by_role("listitem")
    expect(line).to_have_count(2)
    expect(line.first).to_contain_text("Waiting, first in line")
    expect(line.last).to_contain_text("Waiting, second in line")
    expect(page.locator("article.question")).to_have_count(1)
    expect(line.last).to_have_attribute("data-taken", "")

    go_on()
    answers = page.locator("article.answer")
    wait_for(answers.nth(0))
    wait_for(answers.nth(1))
    wait_for(answers.nth(2))
    expect(line).to_have_count(0)
    expect(answers.nth(0)).to_contain_text(LONG)
    expect(answers.nth(1)).to_contain_text("The second.")
    expect(answers.nth(2)).to_contain_text("The third.")
    assert said_in_order() == ["First", "Second", "Third"]
    # In one line, each behind the one before.
    page.reload()
    expect(page.locator("article.answer")).to_have_count(3)


def test_what_is_written_quickly_arrives_in_order_and_in_one_chat(page: Page, vendor: VendorServer) -> None:
    vendor.will(Reply("The first."), Reply("The second."), Reply("The third."))
    slow: list[Route] = []
    page.route("**/send-message/", lambda route: route.continue_() if slow else slow.append(route))
    page.goto("/agentos/chat/writer/")
    for text in ("First", "Second", "Third"):
        send(page, text)
    expect(page.get_by_role("list", name="Messages that wait").get_by_role("listitem")).to_have_count(2)
    # However long the first one takes, the others do not overtake it.
    slow[0].continue_()
    answers = page.locator("article.answer")
    for place, text in enumerate(("The first.", "The second.", "The third.")):
        expect(answers.nth(place)).to_contain_text(text)
    assert said_in_order() == ["First", "Second", "Third"]
    assert AgentOSSession.objects.count() == 1


def said_in_order() -> list[str]:
    asked = AgentOSMessage.objects.filter(role="user").order_by("created_at")
    return list(asked.values_list("content", flat=True))


def test_a_message_that_waits_is_withdrawn_and_comes_back_to_be_written_on(page: Page, vendor: VendorServer) -> None:
    go_on = begin_a_long_answer(page, vendor)
    send(page, "Second")
    line = page.get_by_role("list", name="Messages that wait").get_by_role("listitem")
    expect(line.first).to_have_attribute("data-taken", "")
    line.get_by_role("button", name="Cancel").click()
    expect(line).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_have_value("Second")
    go_on()
    wait_for(page.locator("article.answer"))
    assert sorted(AgentOSRun.objects.values_list("status", flat=True)) == ["cancelled", "completed"]
    page.reload()
    expect(page.locator("article.question")).to_have_count(1)


def test_stopping_the_answer_lets_the_next_one_begin(page: Page, vendor: VendorServer) -> None:
    go_on = begin_a_long_answer(page, vendor)
    send(page, "Second")
    expect(page.get_by_role("listitem").filter(has_text="first in line")).to_have_attribute("data-taken", "")
    page.get_by_role("button", name="Stop").click()
    wait_for(page.locator("article.answer").first, "cancelled")
    go_on()
    expect(page.locator("article.answer").nth(1)).to_contain_text("The second.")
    wait_for(page.locator("article.answer").nth(1))


def test_leaving_and_coming_back_finds_the_line_as_it_was(page: Page, vendor: VendorServer) -> None:
    go_on = begin_a_long_answer(page, vendor)
    send(page, "Second")
    expect(page.get_by_role("listitem").filter(has_text="first in line")).to_have_attribute("data-taken", "")
    page.goto(page.url)
    line = page.get_by_role("list", name="Messages that wait").get_by_role("listitem")
    expect(line).to_contain_text("Waiting, first in line")
    go_on()
    answers = page.locator("article.answer")
    expect(answers.first).to_contain_text("word10")
    expect(answers.nth(1)).to_contain_text("The second.")
    wait_for(answers.nth(1))
    expect(line).to_have_count(0)
    expect(answers.first).to_contain_text(LONG)


def test_a_second_tab_reads_along(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    first, second = open_page(person), open_page(person)
    go_on = begin_a_long_answer(first, vendor)
    second.goto(first.url)
    send(second, "Second")
    expect(second.get_by_role("listitem").filter(has_text="first in line")).to_be_visible()
    go_on()
    expect(second.locator("article.answer").first).to_contain_text("word20")
    for page in (first, second):
        wait_for(page.locator("article.answer").first)
        expect(page.locator("article.answer").first).to_contain_text(LONG)
    expect(second.locator("article.answer").nth(1)).to_contain_text("The second.")
    wait_for(second.locator("article.answer").nth(1))
    # The first one notices when one looks at it again.
    first.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(first.locator("article.answer").nth(1)).to_contain_text("The second.")


def test_a_lost_line_is_taken_up_where_it_broke(page: Page, vendor: VendorServer) -> None:
    go_on = begin_a_long_answer(page, vendor)
    send(page, "Second")
    expect(page.get_by_role("listitem").filter(has_text="first in line")).to_have_attribute("data-taken", "")
    page.context.set_offline(True)
    page.evaluate("window.stop()")
    expect(page.get_by_text("The connection is lost. The answer goes on")).to_be_visible()
    go_on()
    page.context.set_offline(False)
    answers = page.locator("article.answer")
    wait_for(answers.first)
    expect(answers.first).to_contain_text(LONG)
    expect(answers.nth(1)).to_contain_text("The second.")
    assert answers.first.inner_text().count("word7 ") == 1


def test_a_chat_that_takes_one_message_at_a_time_says_so(page: Page, vendor: VendorServer) -> None:
    vendor.will(Reply("Hello."))
    page.goto("/agentos/chat/writer/")
    wait_for(ask(page, "Hello"))
    AgentOSSession.objects.update(when_busy="refuse")
    page.reload()
    expect(page.get_by_text("One message at a time")).to_be_visible()
    vendor.will(Reply(LONG))
    go_on = vendor.hold_back()
    answer = ask(page, "First")
    expect(answer).to_contain_text("word1")
    send(page, "Second")
    expect(page.get_by_role("alert").filter(has_text="one message at a time")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Second")
    go_on()
    wait_for(answer)
    assert AgentOSRun.objects.count() == 2
