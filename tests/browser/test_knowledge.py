"""Knowledge in a browser: a base made, a text handed in and found, an answer that cites it, and the passage behind a mark."""

import asyncio
import threading

import pytest
from playwright.sync_api import Page, expect

from apps.opie.knowledge.ingesting import ingest
from apps.opie.models import Agent, KnowledgeBase, KnowledgeDocument
from tests.browser.chatting import ask
from tests.opie.people import Person

RULES = "# Returns\n\nA record may be returned within thirty days, unopened.\n\n# Shipping\n\nParcels leave on Mondays."


def read_all() -> None:
    """What the worker does, in a thread of its own: this one's loop is the browser's."""

    def work() -> None:
        for document in KnowledgeDocument.objects.filter(status="pending"):
            asyncio.run(ingest(document.pk))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.fixture
def base(page: Page, agents: dict[str, Agent]) -> KnowledgeBase:
    page.goto("/agentos/")
    page.get_by_role("link", name="Knowledge").click()
    page.get_by_role("link", name="New knowledge base").first.click()
    page.get_by_label("Name").fill("Shop handbook")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Shop handbook")).to_be_visible()
    page.get_by_text("Or paste a text").click()
    page.get_by_label("Text", exact=True).fill(RULES)
    page.get_by_role("button", name="Add the text").click()
    expect(page.get_by_text("1 document is being read").first).to_be_visible()
    read_all()
    expect(page.locator("#documents").get_by_text("Ready")).to_be_visible()  # the list looks again by itself
    return KnowledgeBase.objects.get()


def test_a_search_is_tried(page: Page, base: KnowledgeBase) -> None:
    page.get_by_role("link", name="Try a search").click()
    page.get_by_role("searchbox").fill("when do parcels leave")
    page.get_by_role("button", name="Search", exact=True).click()
    first = page.get_by_role("listitem").filter(has_text="Parcels leave on Mondays").first
    expect(first).to_contain_text("words: 1.")
    assert "q=when" in page.url


def test_an_answer_cites_and_its_mark_opens_the_passage(
    page: Page, base: KnowledgeBase, agents: dict[str, Agent], person: Person
) -> None:
    agents["assistant"].knowledge.create(base=base, position=0)
    page.goto("/agentos/chat/assistant/")
    ask(page, "How long may a record be returned?")
    mark = page.locator("article.answer a.mark").first
    expect(mark).to_have_text("1")
    mark.click()
    panel = page.get_by_role("dialog", name="Source")
    expect(panel.locator("mark")).to_contain_text("thirty days")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.reload()
    expect(page.locator("article.answer a.mark").first).to_be_visible()
    page.get_by_role("list", name="Sources").get_by_role("link").first.click()
    expect(panel).to_contain_text("thirty days")
    panel.get_by_role("link", name="The whole document").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Returns")
