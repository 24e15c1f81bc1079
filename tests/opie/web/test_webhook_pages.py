"""The pages on which a team sets up what other systems tell, and sees what came of it."""

import html
import shutil
import subprocess
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.models import Role
from apps.opie.engine.webhook_events import known_event_types
from apps.opie.engine.webhook_work import TASK
from apps.opie.models import AgentOSSession, Webhook, WebhookEvent
from tests.opie.people import Person, make_person
from tests.opie.rest.caller import call
from tests.opie.web.conftest import SignIn

LIST, NEW = "/agentos/webhooks/", "/agentos/webhooks/new/"
# Prints what curl is called with, in place of calling.
NO_CURL = "curl() { printf '%s\\n' \"$@\"; }\n"


def text_of(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def example_in(page: str) -> str:
    return page.partition('aria-labelledby="example-heading"><code>')[2].partition("</code>")[0]


def add_event(webhook: Webhook, event_id: str, status: str = "done", **values: Any) -> WebhookEvent:
    ended = timezone.now() if status in ("done", "failed") else None
    shared = {"event_type": "new_order", "data": {}, "digest": "d", "processed_at": ended}
    return WebhookEvent.objects.create(webhook=webhook, event_id=event_id, status=status, **(shared | values))


def test_a_webhook_is_set_up_and_its_secret_shown_once(person: Person, client: Client, sign_in: SignIn) -> None:
    assert "No other system tells Opie anything yet." in text_of(client.get(LIST))
    body = {"name": "shop", "event_types": ["new_order"], "acts_for": str(person.user.pk), "is_active": "on"}
    for wrong, told in (
        ({"name": "a b"}, "can stand in an address"), ({"event_types": []}, "This field is required"),
        ({"acts_for": str(uuid4())}, "Select a valid choice"),
    ):  # fmt: skip
        refused = client.post(NEW, body | wrong)
        assert (refused.status_code, told in text_of(refused)) == (422, True), wrong
    page = text_of(client.post(NEW, body, follow=True))
    webhook = Webhook.objects.get()
    address = f"{LIST}{webhook.pk}/"
    assert webhook.secret in page
    assert "http://testserver/api/v1/agentos/webhook/shop/" in page
    assert webhook.secret not in text_of(client.get(address))
    assert "There is a webhook of this name." in text_of(client.post(NEW, body))

    for keep, until in (("on", True), ("", False)):
        before = Webhook.objects.get().secret
        turned = text_of(client.post(f"{address}secret/", {"keep_previous": keep}, follow=True))
        now = Webhook.objects.get()
        assert (now.secret in turned, before in turned, now.secret == before) == (True, False, False)
        assert ("is accepted until" in turned, bool(now.previous_until)) == (until, until)
    Webhook.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    assert "is accepted until" not in text_of(client.get(address))

    # Who may do less changes the rest, and leaves in whose name it works as it is.
    admin = sign_in(make_person("ada", person.team, Role.ADMIN))
    assert "ann@example.com" not in text_of(admin.get(NEW)).partition("<form")[2]
    changed = {"event_types": ["new_order", "customer_query"], "acts_for": str(person.user.pk), "name": "other"}
    assert "Saved." in text_of(admin.post(address, changed, follow=True))
    webhook.refresh_from_db()
    assert (webhook.name, webhook.is_active, webhook.acts_for) == ("shop", False, person.user)
    assert webhook.event_types == ["new_order", "customer_query"]
    assert "Never called" in text_of(client.get(LIST))
    client.post(f"{address}delete/")
    assert not Webhook.objects.exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the lines call openssl")
@pytest.mark.parametrize("kind", ["new_order", "customer_query"])
def test_the_lines_to_copy_are_a_call_that_is_let_in(person: Person, client: Client, kind: str) -> None:
    body = {"name": "shop", "event_types": [kind], "acts_for": str(person.user.pk), "is_active": "on"}
    lines = example_in(client.post(NEW, body, follow=True).content.decode())
    told = subprocess.run(["sh", "-c", NO_CURL + html.unescape(lines)], capture_output=True, text=True, check=True)
    _, header, _, _, _, raw, address = told.stdout.splitlines()
    name, _, value = header.partition(": ")
    assert address == "http://testserver/api/v1/agentos/webhook/shop/"
    answer = call("POST", "agentos/webhook/shop/", raw.encode(), {name: value})
    assert answer.status_code == 200, answer.content
    assert WebhookEvent.objects.get().data == known_event_types()[kind].example


def test_what_came_of_events(person: Person, member: Person, client: Client, sign_in: SignIn) -> None:
    webhook = Webhook.objects.create(
        team=person.team, name="shop", secret="s", acts_for=person.user, event_types=["new_order"]
    )
    address = f"{LIST}{webhook.pk}/events/"
    assert "listed for 30 days." in text_of(client.get(address))
    assert "Nothing has come in yet." in text_of(client.get(address))
    mine, theirs = (AgentOSSession.objects.create(user=who.user, team=who.team) for who in (person, member))
    add_event(webhook, "e-mine", result={"session_id": str(mine.pk), "total": "1.98", "customer_id": None, "n": [1]})
    add_event(webhook, "e-theirs", result={"session_id": str(theirs.pk)})
    add_event(webhook, "e-odd", result={"session_id": "<b>none</b>"})
    failed = add_event(webhook, "e-failed", "failed", error="There is no <i>track</i>.", attempts=3)
    page = client.get(address).content.decode()
    assert page.count("Open the conversation") == 1
    assert f"/agentos/session/{mine.pk}/" in page
    for shown in ("1.98", "[1]", str(theirs.pk), "&lt;b&gt;none", "no &lt;i&gt;track", "3 attempts"):
        assert shown in page, shown
    only = text_of(client.get(f"{address}?status=failed&q=FAIL"))
    assert ("e-failed" in only, "e-mine" in only, "hx-get" in only) == (True, False, False)
    assert "No event fits." in text_of(client.get(f"{address}?status=processing"))
    listed = text_of(client.get(LIST))
    assert ("1 failed" in listed, "</time>: failed" in listed) == (True, True)

    retry = f"{LIST}events/{failed.pk}/retry/"
    asked = {"status": "failed", "q": "", "page": "1"}
    assert client.post(retry, asked)["Location"] == f"{address}?status=failed&page=1"
    failed.refresh_from_db()
    assert (failed.status, failed.attempts) == ("received", 0)
    assert ProcrastinateJob.objects.filter(task_name=TASK, args__event_id=str(failed.pk)).count() == 1
    again = text_of(client.post(retry, follow=True))
    assert "Only an event that has failed can be tried again." in again
    assert f'hx-get="{address}?part=list&status=&q=&page=1"' in again

    for number in range(50):
        add_event(webhook, f"e-{number}")
    first, second = text_of(client.get(address)), text_of(client.get(f"{address}?page=2&part=list"))
    assert ("e-49<" in first, "e-mine" in first, "page=2" in first) == (True, False, True)
    assert ("e-49<" in second, "e-mine" in second, "<h1" in second) == (False, True, False)


def test_the_way_there_is_for_who_may_go_it(client: Client, member: Person, sign_in: SignIn) -> None:
    for path in ("/agentos/support/", "/agentos/widgets/"):
        assert f'href="{LIST}"' in client.get(path).content.decode()
    assert f'href="{LIST}"' not in sign_in(member).get("/agentos/widgets/").content.decode()
