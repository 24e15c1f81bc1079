"""The widget as it is lived: a tag on somebody else's page, a visitor, and a colleague who takes over."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from playwright.sync_api import FrameLocator, Page, expect

from apps.opie.agentos.widget_rows import make_widget
from apps.opie.models import Agent, AIPlatform, SupportWidget
from tests.browser.conftest import OpenPage
from tests.opie.people import Person

# What a careful host sends: the script and the frame of Opie are let in, and nothing else.
POLICY = "default-src 'self'; script-src {opie}; frame-src {opie}; style-src 'none'"
ANSWER_MS = 20_000


@contextmanager
def host_page(opie: str) -> Iterator[tuple[str, list[str]]]:
    """Somebody's site on a port of its own: its origin, and the tags that its page has by then."""
    tags: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!DOCTYPE html><html lang=en><title>Shop</title><main><h1>Shop</h1></main>{''.join(tags)}</html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", POLICY.format(opie=opie))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", tags
    finally:
        server.shutdown()
        server.server_close()


def opened(page: Page, url: str) -> FrameLocator:
    page.goto(url)
    page.get_by_role("button", name="Chat with us").click()
    return page.frame_locator("iframe")


def said(chat: FrameLocator, text: str) -> None:
    chat.get_by_label("Your message").fill(text)
    chat.get_by_label("Your message").press("Enter")


def test_a_visitor_asks_and_a_colleague_takes_over(
    open_page: OpenPage, site: str, person: Person, agents: dict[str, Agent], complaints: list[str]
) -> None:
    # The music store's team, with no platform that could answer for it.
    call_command("init_db", quiet=True)
    call_command("create_default_agents", verbosity=0)
    AIPlatform.objects.exclude(platform_name="offline").delete()
    Agent.objects.filter(agent_id="supervisor").update(starters=["Which albums by AC/DC do you have?"])
    person.user.name = "Ann"
    person.user.save(update_fields=["name"])
    with host_page(site) as (shop, tags), host_page(site) as (thief, stolen):
        wanted = {"name": "Shop", "agent_id": "supervisor", "greeting": "Hello!", "allowed_origins": [shop]}
        widget = make_widget(person.principal, wanted)
        tag = f'<script src="{site}/widget/{widget.pk}.js" async data-customer="7" data-time="1" data-signature="no"></script>'
        tags.append(tag)
        stolen.append(tag)

        # A page that the widget does not name shows no chat.
        elsewhere = open_page()
        opened(elsewhere, thief)
        elsewhere.wait_for_function("document.querySelector('opie-widget') !== null")
        expect(elsewhere.frame_locator("iframe").get_by_label("Your message")).to_have_count(0)
        elsewhere.close()
        assert any("frame-ancestors" in one for one in complaints), complaints
        complaints.clear()

        visitor = open_page(viewport={"width": 1000, "height": 800})
        chat = opened(visitor, shop)
        expect(chat.get_by_label("Your message")).to_be_focused()
        expect(chat.get_by_text("Hello!")).to_be_visible()
        chat.get_by_role("button", name="Which albums by AC/DC").click()
        expect(chat.locator("article").last).to_contain_text("Highway to Hell", timeout=ANSWER_MS)
        # The signature was wrong: the page's developer is told, the visitor is served.
        # After a reload the conversation is there; the keyboard closes the chat and comes back to its button.
        chat = opened(visitor, shop)
        expect(chat.locator("article").last).to_contain_text("Highway to Hell")
        expect(chat.locator("article").last).to_contain_text("Music agent")
        assert len(complaints) == 2, complaints
        assert all("data-signature" in one for one in complaints), complaints
        complaints.clear()
        visitor.keyboard.press("Escape")
        button = visitor.get_by_role("button", name="Chat with us")
        expect(button).to_be_focused()
        expect(button).to_have_attribute("aria-expanded", "false")
        button.click()
        chat.get_by_role("button", name="Ask for a person").click()
        expect(chat.get_by_text("Waiting for a person of the team")).to_be_visible()
        frame = next(one for one in visitor.frames if f"/widget/{widget.pk}/" in one.url)
        found = Axe().run(frame)  # type: ignore[arg-type]
        assert found.violations_count == 0, found.generate_report()

        # One who has thought better of it is answered by the agent; asked again, somebody of the team sees it from any page.
        chat.get_by_role("button", name="Let the agent answer").click()
        expect(chat.get_by_text("Answers at once, by machine")).to_be_visible()
        expect(chat.get_by_role("button", name="Let the agent answer")).to_be_hidden()
        chat.get_by_role("button", name="Ask for a person").click()
        expect(chat.get_by_text("Waiting for a person of the team")).to_be_visible()

        staff = open_page(person)
        staff.goto("/")
        expect(staff.get_by_role("link", name="1 chat waits for a person")).to_be_visible()
        staff.goto("/agentos/support/?state=waits")
        staff.get_by_role("link", name=re.compile("Which albums")).click()
        staff.get_by_role("button", name="Take over").click()
        said(chat, "Is anybody there?")
        expect(staff.get_by_role("log").get_by_text("Is anybody there?")).to_be_visible(timeout=ANSWER_MS)
        staff.get_by_label("Your reply").fill("Yes, **I** am.")
        staff.get_by_label("Your reply").press("Enter")
        answer = chat.locator("article", has_text="Yes, I am.")
        expect(answer).to_contain_text("Ann", timeout=ANSWER_MS)
        expect(answer.get_by_text("person")).to_be_visible()
        expect(chat.get_by_text("A person is with you")).to_be_visible()
        answer.get_by_role("button", name="Good answer").click()
        expect(answer.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
        answer.get_by_label("Why?").fill("Quick")
        answer.get_by_label("Why?").press("Enter")
        expect(answer.get_by_role("button", name="Good answer")).to_be_focused()
        expect(staff.locator('[data-seen="thumbs_up"]')).to_contain_text("Quick", timeout=ANSWER_MS)
        staff.get_by_role("button", name="Hand back").click()
        said(chat, "Which songs by Aerosmith do you have?")
        expect(chat.locator("article").last).to_contain_text("Aerosmith", timeout=ANSWER_MS)
        assert SupportWidget.objects.get().sessions.count() == 1
