"""A chat from signing in to finding it again."""

import json
import re

from playwright.sync_api import Page, Route, expect

from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, MessageReaction
from tests.browser.chatting import ask, wait_for
from tests.browser.conftest import OpenPage
from tests.opie.people import Person
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

LONG = " ".join(f"word{number}" for number in range(120))


def test_sign_in_ask_see_it_written_reload_and_find_it(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    person.user.set_password("correct horse battery")
    person.user.save()
    vendor.pause = 0.02
    vendor.will(Reply(LONG))
    page = open_page()
    page.goto("/agentos/chat/writer/")
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/agentos/chat/writer/")

    answer = ask(page, "Write a lot")
    expect(answer).to_contain_text("word3")
    assert "word119" not in answer.inner_text()
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    wait_for(answer)
    expect(answer).to_contain_text(LONG)
    expect(answer).to_contain_text("mock · mock-1")
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
    expect(page.locator("[data-announcer]")).to_have_text("The answer is complete.")
    expect(page).to_have_url(re.compile(r"/agentos/chat/writer/\?session=[0-9a-f-]{36}$"))
    expect(page.get_by_role("navigation", name="Chats").get_by_role("link", name="Write a lot")).to_be_visible()

    page.reload()
    expect(page.locator("article.question")).to_contain_text("Write a lot")
    expect(page.locator("article.answer")).to_contain_text(LONG)
    wait_for(ask(page, "And again"))
    assert AgentOSMessage.objects.filter(role="user").count() == 2


def test_an_answer_is_judged_by_keyboard_and_why_is_said(page: Page, vendor: VendorServer) -> None:
    vendor.will(Reply("A short answer"))
    page.goto("/agentos/chat/writer/")
    answer = ask(page, "Write")
    wait_for(answer)
    good, bad = (answer.get_by_role("button", name=f"{which} answer") for which in ("Good", "Bad"))
    expect(good).to_be_visible()
    good.focus()
    page.keyboard.press("Enter")
    expect(good).to_have_attribute("aria-pressed", "true")
    bad.focus()
    page.keyboard.press("Space")
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(good).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[data-announcer]")).to_have_text("Thank you. If you like, say why.")
    answer.get_by_label("Why?").fill("Too short")
    page.keyboard.press("Enter")
    expect(page.locator("[data-announcer]")).to_have_text("Thank you. Your reason is kept.")
    expect(bad).to_be_focused()
    kept = MessageReaction.objects.get()
    assert (kept.reaction, kept.reason) == ("thumbs_down", "Too short")
    page.reload()
    expect(bad).to_have_attribute("aria-pressed", "true")
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "false")
    assert not MessageReaction.objects.exists()


def test_a_tool_call_is_seen_and_looks_the_same_after_reloading(page: Page) -> None:
    page.goto("/agentos/chat/assistant/")
    answer = ask(page, "What is 17.5 % of 2,480?")
    wait_for(answer)
    card = answer.locator("details", has_text="calculate")
    expect(card).to_contain_text("done")
    expect(card.get_by_text("Came back")).to_be_hidden()
    card.locator("summary").click()
    expect(card).to_contain_text("434")
    card.locator("summary").click()
    live = answer.locator("[data-parts]").inner_text()
    page.reload()
    assert page.locator("article.answer [data-parts]").inner_text() == live


def test_what_is_written_live_is_what_is_shown_later(page: Page, vendor: VendorServer) -> None:
    vendor.will(
        Reply(
            "# Head\n\nSome *words* and https://a.example ![p](https://b.example/p.png)\n\n1. one\n2. two\n   - deep\n\n"
            "3. three\n\n|a|b|\n|-|-:|\n|1|2|\n\n```python\nprint('x') # y\n```\n\n> said\n\nEnd [ref].\n\n[ref]: https://c.example"
        )
    )
    page.goto("/agentos/chat/writer/")
    answer = ask(page, "Show everything")
    wait_for(answer)
    expect(answer.locator(".hljs-built_in")).to_have_text("print")
    live = answer.locator(".markdown").inner_html()
    page.reload()
    expect(page.locator(".hljs-built_in")).to_have_text("print")
    assert _squeezed(page.locator(".markdown").inner_html()) == _squeezed(live)


def test_stopping_keeps_what_was_written(page: Page, vendor: VendorServer) -> None:
    vendor.pause = 0.05
    vendor.will(Reply(LONG))
    page.goto("/agentos/chat/writer/")
    answer = ask(page, "Write a lot")
    expect(answer).to_contain_text("word2")
    page.keyboard.press("Escape")
    wait_for(answer, "cancelled")
    expect(answer).to_contain_text("Stopped")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    assert AgentOSRun.objects.get().status == "cancelled"
    page.reload()
    expect(page.locator("article.answer")).to_contain_text("word2")
    expect(page.locator("article.answer")).to_contain_text("Stopped")


def test_leaving_does_not_stop_it_and_coming_back_shows_the_rest(page: Page, vendor: VendorServer) -> None:
    vendor.pause = 0.03
    vendor.will(Reply(LONG))
    page.goto("/agentos/chat/writer/")
    expect(ask(page, "Write a lot")).to_contain_text("word5")
    page.goto(page.url)
    answer = page.locator("article.answer")
    wait_for(answer, "running")
    expect(answer).to_contain_text("word10")
    wait_for(answer)
    expect(answer).to_contain_text(LONG)
    assert AgentOSRun.objects.count() == 1


def test_a_failure_says_what_happened_and_can_be_tried_again(page: Page, vendor: VendorServer) -> None:
    vendor.will(Reply("no", status=500), Reply("no", status=500), Reply("no", status=500), Reply("Now it works."))
    page.goto("/agentos/chat/writer/")
    answer = ask(page, "Try")
    wait_for(answer, "failed")
    expect(answer.get_by_role("alert")).to_contain_text("mock")
    vendor.will(Reply("Now it works."))
    answer.get_by_role("button", name="Try again").click()
    expect(answer).to_contain_text("Now it works.")
    wait_for(answer)
    expect(page.locator("article.question")).to_have_count(1)


def test_a_message_that_is_refused_comes_back_with_the_reason(page: Page) -> None:
    page.goto("/agentos/chat/assistant/")
    text = "x" * 100_001
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="100000")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value(text)
    expect(page.locator("article.answer")).to_have_count(0)


def test_what_is_far_too_long_is_not_pasted_at_all(
    open_page: OpenPage, person: Person, agents: dict[str, Agent]
) -> None:
    page = open_page(person, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/agentos/chat/assistant/")
    box = page.get_by_label("Message", exact=True)
    page.keyboard.type("Kept")
    for lines, arrives in ((20_000, False), (1000, True)):
        page.evaluate("lines => navigator.clipboard.writeText('a line that is pasted in\\n'.repeat(lines))", lines)
        page.keyboard.press("Control+V")
        expect(page.get_by_role("alert").filter(has_text="at most 100000 characters")).to_be_visible(
            visible=not arrives
        )
        assert (len(box.input_value()) > 4) is arrives
    assert box.input_value().startswith("Kept")


def test_an_error_of_the_server_shows_the_number_to_quote(page: Page) -> None:
    def refuse(route: Route) -> None:
        error = {"code": "limit_exceeded", "message": "Too many messages.", "request_id": "req-42"}
        route.fulfill(status=429, body=json.dumps({"error": error}), content_type="application/json")

    page.route("**/send-message/", refuse)
    page.goto("/agentos/chat/assistant/")
    answer = ask(page, "Hello")
    expect(answer.get_by_role("alert")).to_contain_text("Too many messages.")
    expect(answer.get_by_role("alert")).to_contain_text("req-42")


def test_thoughts_are_open_while_they_come_and_fold_with_the_first_word(page: Page) -> None:
    ids = {"run_id": "018f0000-0000-7000-8000-000000000001", "session_id": None}

    def frames(first: int, *events: tuple[str, dict[str, object]]) -> str:
        numbered = enumerate(events, first)
        return "".join(
            f"id: {number}\nevent: {kind}\ndata: {json.dumps(ids | data)}\n\n" for number, (kind, data) in numbered
        )

    thinking = frames(1, ("run.started", {}), ("reasoning.delta", {"text": "Hm, let me see."}))
    rest = ": hello\n\n" + frames(3, ("message.delta", {"text": "It is **so**."}), ("run.interrupted", {}))
    held: list[Route] = []
    page.route("**/send-message/", lambda route: route.fulfill(body=thinking, content_type="text/event-stream"))
    page.route("**/events/", lambda route: held.append(route))
    page.goto("/agentos/chat/assistant/")
    answer = ask(page, "Think")
    expect(answer.get_by_text("Hm, let me see.")).to_be_visible()
    expect(page.get_by_text("The connection is lost. The answer goes on")).to_be_visible()
    expect(page.locator("[data-announcer]")).to_have_text("The connection is lost.")
    page.wait_for_timeout(1500)  # the first wait before trying again is at most half a second
    assert held[0].request.headers["last-event-id"] == "2"
    held[0].fulfill(body=rest, content_type="text/event-stream")
    expect(answer.locator("strong")).to_have_text("so")
    expect(answer.get_by_text("Hm, let me see.")).to_be_hidden()
    expect(answer).to_contain_text("The answer broke off here")
    expect(page.get_by_text("The connection is lost. The answer goes on")).to_be_hidden()


def test_scrolling_up_stops_the_following_and_the_pill_leads_back(page: Page, vendor: VendorServer) -> None:
    vendor.pause = 0.02
    vendor.will(Reply(" ".join(f"line{number}\n\n" for number in range(150))))
    page.set_viewport_size({"width": 900, "height": 500})
    page.goto("/agentos/chat/writer/")
    answer = ask(page, "Write down")
    expect(answer).to_contain_text("line30")
    log = page.get_by_role("log")
    log.hover()
    page.mouse.wheel(0, -400)
    pill = page.get_by_role("button", name="To the latest")
    expect(pill).to_be_visible()
    top = log.evaluate("log => log.scrollTop")
    page.wait_for_timeout(300)
    assert abs(log.evaluate("log => log.scrollTop") - top) < 5
    pill.click()
    expect(pill).to_be_hidden()
    wait_for(answer)
    assert log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 5


def test_a_question_written_at_home_is_asked_in_the_chat(page: Page) -> None:
    page.goto("/agentos/")
    page.get_by_label("Message", exact=True).fill("What is 6 * 7?")
    page.keyboard.press("Enter")
    page.wait_for_url("**/agentos/chat/assistant/**")
    expect(page.locator("article.question")).to_contain_text("What is 6 * 7?")
    wait_for(page.locator("article.answer"))
    page.reload()
    expect(page.locator("article.question")).to_have_count(1)


def test_code_and_answers_can_be_copied(
    open_page: OpenPage, person: Person, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    vendor.will(Reply("Look:\n\n```python\nprint('<b>')\n```"))
    page = open_page(person, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/agentos/chat/writer/")
    answer = ask(page, "Code")
    wait_for(answer)
    answer.get_by_role("button", name="Copy code").click()
    expect(page.locator("[data-announcer]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "print('<b>')\n"
    for _ in range(2):
        page.get_by_role("button", name="Copy answer").click()
        page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('Look:'))")
        assert page.evaluate("navigator.clipboard.readText()") == "Look:\n\n```python\nprint('<b>')\n```"
        page.reload()


def _squeezed(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r">\s+<", "><", html)).strip()


def test_an_answer_of_the_wrong_shape_gives_way_to_the_second(
    page: Page, agents: dict[str, Agent], vendor: VendorServer
) -> None:
    schema = {"type": "object", "properties": {"legs": {"type": "integer"}}, "required": ["legs"]}
    Agent.objects.filter(agent_id="writer").update(output_schema=schema)
    vendor.will(Reply("A fox has four legs."), Reply('{"legs": 4}'))
    page.goto("/agentos/chat/writer/")
    answer = ask(page, "Describe a fox")
    wait_for(answer)
    expect(answer.locator("[data-parts]")).to_have_text('{"legs": 4}')
    page.reload()
    expect(page.locator("article.answer [data-parts]")).to_have_text('{"legs": 4}')
