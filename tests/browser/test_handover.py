"""A chat in which a person is asked for, comes, answers and goes, by what whoever asked sees."""

from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.opie.engine import taking_over
from apps.opie.models import Agent, AgentOSSession
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person, make_person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer


def look_now(page: Page) -> None:
    """As if the tab had just come into sight: nobody waits four seconds for the next look."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_person_is_asked_for_answers_and_hands_back(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    User.objects.filter(pk=person.user.pk).update(name="Ann")
    vendor.will(Reply("Of the agent."), Reply("Again of the agent."))
    page = open_page(make_person("ben", person.team), viewport={"width": 1280, "height": 800})
    page.goto("/agentos/chat/writer/")
    chat = page.get_by_role("region", name="Conversation")
    asks, banner = chat.get_by_role("button", name="Ask for a person"), page.locator("[data-person-banner]")
    expect(asks).to_be_hidden()
    wait_for(ask(page, "First"))
    session = AgentOSSession.objects.get()

    # By keyboard alone, and told what it means before.
    asks.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("can then read this chat")
    page.get_by_role("dialog").get_by_role("button", name="Ask").press("Enter")
    expect(banner).to_contain_text("You asked for a person.")
    expect(asks).to_be_hidden()
    expect(page.get_by_label("Message", exact=True)).to_be_focused()

    taking_over.take_over(person.principal, session.pk)
    taking_over.reply(person.principal, session.pk, "Of **Ann**.")
    look_now(page)
    expect(banner).to_contain_text("Ann of the team answers here")
    answers = page.locator("article.answer")
    expect(answers.last).to_contain_text("Of Ann.")
    expect(answers.last.get_by_role("heading")).to_have_accessible_name("Ann Person")
    page.get_by_label("Message", exact=True).fill("Second")
    page.keyboard.press("Enter")
    expect(page.locator("[data-announcer]")).to_have_text("The message was sent. A person of the team answers here.")
    expect(answers).to_have_count(2)
    look_now(page)
    expect(page.locator("article.question[data-message]")).to_have_count(2)
    # Drawn by the server it is the same.
    page.reload()
    expect(answers.last.get_by_role("heading")).to_have_accessible_name("Ann Person")
    expect(answers).to_have_count(2)

    taking_over.hand_back(person.principal, session.pk)
    look_now(page)
    expect(banner).to_be_hidden()
    expect(asks).to_be_visible()
    answer = ask(page, "Third")
    wait_for(answer)
    expect(answer).to_contain_text("Again of the agent.")
