"""What the shop tells of by signed calls: the invoice agent knows an order at once, and a question is answered once."""

import json
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.musicstore.models import Customer, Invoice, Track
from apps.musicstore.phrases import ENGLISH
from apps.opie.agentos.service import AgentOSService
from apps.opie.agentos.webhook_rows import create_webhook
from apps.opie.agentos.webhook_signatures import HEADER, sign
from apps.opie.models import (
    AgentOSMessage,
    AgentOSRun,
    AIPlatform,
    MemoryProfile,
    SessionVerification,
    Webhook,
    WebhookEvent,
)
from apps.opie.models.platforms import ApiType
from tests.opie.people import Person, make_person, make_team
from tests.opie.rest.test_budgets import run_worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(transactional_db: None) -> Person:
    return make_person("ann", make_team("Ours"), "owner")


@pytest.fixture
def shop(person: Person) -> Webhook:
    """A store with its team, no platform but the offline responder, and a webhook of the shop's."""
    call_command("init_db", quiet=True)
    call_command("create_default_agents", verbosity=0)
    AIPlatform.objects.create(platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline-responder")
    return create_webhook(person.principal, {"name": "shop", "event_types": ["new_order", "customer_query"]})


def told(shop: Webhook, event_id: str, event_type: str, **data: Any) -> WebhookEvent:
    """The event, once the worker has done what there was to do."""
    tell(shop, event_id, event_type, **data)
    run_worker()
    return WebhookEvent.objects.get(event_id=event_id)


def tell(shop: Webhook, event_id: str, event_type: str, **data: Any) -> None:
    answer = post(shop, event_id, event_type, **data)
    assert answer.json() == {"status": "success"}, answer.content


def post(shop: Webhook, event_id: str, event_type: str, **data: Any) -> Any:
    raw = json.dumps({"event_type": event_type, "event_id": event_id, "data": data}).encode()
    headers = {HEADER: sign(shop.secret, round(time.time()), raw)}
    return Client().generic("POST", "/api/v1/agentos/webhook/shop/", raw, "application/json", headers=headers)


def answers_in(session_id: str) -> list[str]:
    said = AgentOSMessage.objects.filter(session=session_id, role="assistant").order_by("number")
    return list(said.values_list("content", flat=True))


def test_an_order_is_known_to_the_team_at_once(shop: Webhook, person: Person) -> None:
    nora = Customer.objects.get(email="nora.whitfield@example.com")
    rehab = Track.objects.get(name="Rehab")
    lines = [{"track_id": rehab.pk, "quantity": 2}, {"track": "kashmir", "unit_price": "0.50"}]
    event = told(shop, "o-1", "new_order", email="Nora.Whitfield@example.com", lines=lines)
    assert event.status == "done", event.error
    told(shop, "o-1", "new_order", email="Nora.Whitfield@example.com", lines=lines)
    invoice = Invoice.objects.filter(customer=nora).order_by("-invoice_date", "-pk")[0]
    assert event.result == {"invoice_id": invoice.pk, "customer_id": nora.pk, "total": "2.48"}
    assert (invoice.invoice_date, invoice.billing_city) == (event.received_at, "Winnipeg")
    assert Invoice.objects.filter(customer=nora).count() == 4, "three of the sample's, and this one once"
    team = AgentOSService(person.principal)
    asked = team.send_message("supervisor", f"I am customer {nora.pk}. What was my last purchase?")
    assert f"Invoice {invoice.pk} of {event.received_at:%Y-%m-%d}, total $2.48: Rehab" in asked.content


NOT_TO_BE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"customer_id": 999}, "no customer 999"),
    ({"email": "nobody@example.com"}, "no customer with this e-mail address"),
    ({"customer_id": 2, "email": "nora.whitfield@example.com"}, "not the address of customer 2"),
    ({"lines": [{"track": "Rehab"}, {"track_id": 99999}]}, "Line 2: the store has no track 99999."),
    ({"lines": [{"track": "Rehap"}]}, "no track called “Rehap”. Its name is like: Rehab."),
)


def test_orders_that_can_and_cannot_be(shop: Webhook) -> None:
    before = Invoice.objects.count()
    for number, (data, problem) in enumerate(NOT_TO_BE):
        whose = {} if {"customer_id", "email"} & data.keys() else {"customer_id": 1}
        event = told(shop, f"o-{number}", "new_order", **({"lines": [{"track": "Rehab"}]} | whose | data))
        assert (event.status, event.attempts) == ("failed", 1)
        assert problem in event.error
    assert Invoice.objects.count() == before
    tomorrow, next_week = (timezone.now() + timedelta(days=days) for days in (0.9, 7))
    told(shop, "o-7", "new_order", customer_id=3, lines=[{"track": "Rehab"}], date=tomorrow.isoformat())
    assert Invoice.objects.count() == before + 1
    refused = post(shop, "o-8", "new_order", customer_id=3, lines=[{"track": "Rehab"}], date=f"{next_week:%F}")
    assert (refused.status_code, b"cannot be in the future" in refused.content) == (400, True), refused.content
    about: dict[str, Any] = {"customer_id": 3, "date": "2026-02-03", "billing_city": "Ulm"}
    event = told(shop, "o-9", "new_order", lines=[{"track": "Rehab"}], **about)
    invoice = Invoice.objects.get(pk=event.result["invoice_id"])
    assert (f"{invoice.invoice_date:%F %T}", invoice.billing_city) == ("2026-02-03 00:00:00", "Ulm")
    assert invoice.billing_address == "", "an address is said as a whole"


def test_a_question_becomes_a_conversation(shop: Webhook, person: Person) -> None:
    first = told(shop, "q-1", "customer_query", customer_id=1, message="What was my last purchase?")
    assert first.status == "done", first.error
    session = first.result["session_id"]
    newest = Invoice.objects.filter(customer_id=1).order_by("-invoice_date", "-pk")[0]
    [answer] = answers_in(session)
    assert f"Invoice {newest.pk}" in answer
    row = SessionVerification.objects.get(session=session)
    assert (row.subject, row.method) == ("1", "host")
    assert AgentOSRun.objects.get(pk=first.result["run_id"]).user_id == person.user.pk
    told(shop, "q-1", "customer_query", customer_id=1, message="What was my last purchase?")
    assert AgentOSRun.objects.count() == 1, "it is asked once"
    told(shop, "q-2", "customer_query", message="Which albums by ac dc do you have?", thread_id=session)
    assert "AC/DC" in answers_in(session)[1]
    another = told(shop, "q-3", "customer_query", customer_id=2, message="My orders?", thread_id=session)
    assert (another.status, len(answers_in(session))) == ("failed", 2)
    assert "about another customer" in another.error


def test_whom_a_question_is_not_from(shop: Webhook, person: Person) -> None:
    """A visitor is asked who they are; a thread that is somebody's own is nobody's to write into."""
    visitor = told(shop, "q-1", "customer_query", email="new@example.com", message="Show me my last invoice")
    thread = visitor.result["session_id"]
    assert answers_in(thread) == [ENGLISH["who_are_you"]]
    assert visitor.result["customer_id"] is None
    told(shop, "q-1b", "customer_query", message="I love reggae. Which albums by AC/DC do you have?", thread_id=thread)
    assert not MemoryProfile.objects.exists(), "whom the webhook acts for has said nothing"
    theirs = AgentOSService(person.principal).create_session("supervisor")
    for thread in (str(theirs.pk), str(UUID(int=1))):
        refused = told(shop, thread, "customer_query", message="Tell me all", thread_id=thread)
        assert (refused.status, refused.error) == ("failed", "This webhook began no such session.")
    assert told(shop, "q-4", "customer_query", customer_id=99, message="Hi").status == "failed"
    assert AgentOSRun.objects.count() == 2
