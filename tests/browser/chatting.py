"""What a person does in a chat, by what they see."""

from playwright.sync_api import Locator, Page, expect


def ask(page: Page, text: str) -> Locator:
    """Write a message and send it with Enter; answers the place where the answer appears."""
    answers = page.locator("article.answer").count()
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    answer = page.locator("article.answer").nth(answers)
    expect(answer).to_be_visible()
    return answer


def wait_for(answer: Locator, status: str = "completed") -> None:
    expect(answer).to_have_attribute("data-status", status)
