"""What agents remember: changed and forgotten in its place, with the keyboard too."""

import pytest
from playwright.sync_api import Page, expect

from apps.opie.models import Agent, AgentOSMemory
from tests.browser.conftest import OpenPage
from tests.opie.people import Person


@pytest.fixture
def memories(person: Person, agents: dict[str, Agent]) -> None:
    for text in ("Lives in Oslo", "Likes short answers"):
        AgentOSMemory.objects.create(user=person.user, team=person.team, agent=agents["assistant"], memory=text)


def test_one_is_changed_in_its_place(page: Page, memories: None) -> None:
    page.goto("/agentos/")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("link", name="Memory").click()
    item = page.get_by_role("listitem").filter(has_text="Oslo")
    item.get_by_role("button", name="Change this memory").press("Enter")
    box = page.get_by_label("What is remembered", exact=True)
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(item.get_by_role("button", name="Change this memory")).to_be_focused()
    page.keyboard.press("Enter")
    box.fill("Lives in Bergen")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("listitem").filter(has_text="Lives in Bergen")).to_be_visible()
    box_again = page.get_by_role("listitem").filter(has_text="short")
    box_again.get_by_role("button", name="Change this memory").click()
    page.get_by_label("What is remembered", exact=True).fill(" ")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("required")
    assert set(AgentOSMemory.objects.values_list("memory", flat=True)) == {"Lives in Bergen", "Likes short answers"}


def test_one_is_forgotten_and_brought_back(page: Page, memories: None) -> None:
    page.goto("/agentos/memory/")
    page.get_by_role("listitem").filter(has_text="Oslo").get_by_role("button", name="Delete this memory").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    assert AgentOSMemory.objects.count() == 1
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="Lives in Oslo")).to_be_visible()
    assert AgentOSMemory.objects.count() == 2


def test_all_of_an_agent_is_forgotten_after_asking(page: Page, memories: None) -> None:
    page.goto("/agentos/memory/")
    page.get_by_role("button", name="Delete all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete all 2 things that Assistant remembers about you?")
    page.keyboard.press("Escape")
    assert AgentOSMemory.objects.count() == 2
    page.get_by_role("button", name="Delete all").click()
    dialog.get_by_role("button", name="Delete all").click()
    expect(page.get_by_role("status").filter(has_text="2 memories were forgotten.")).to_be_visible()
    expect(page.get_by_text("Nothing is remembered yet.")).to_be_visible()


def test_without_scripts_it_works_too(open_page: OpenPage, person: Person, memories: None) -> None:
    page = open_page(person, java_script_enabled=False)
    page.goto("/agentos/memory/?q=oslo")
    expect(page.get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Delete this memory").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Lives in Oslo")).to_be_visible()
