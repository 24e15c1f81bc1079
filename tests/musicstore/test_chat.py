"""The store's customers at /api/v1/chat/: who answered is named, and who is certain is shown their invoices at once."""

import pytest
from django.core.management import call_command

from apps.musicstore.models import Customer, Invoice
from apps.musicstore.phrases import ENGLISH
from apps.opie.models import AIPlatform
from apps.opie.models.platforms import ApiType
from tests.opie.people import Person, make_key, make_person, make_team
from tests.opie.rest.caller import call

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(transactional_db: None) -> Person:
    call_command("init_db", quiet=True)
    call_command("create_default_agents", verbosity=0)
    AIPlatform.objects.create(platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline-responder")
    return make_person("ann", make_team("Ours"), "owner")


def test_who_answered_and_whose_invoices_are_shown(person: Person) -> None:
    def say(headers: dict[str, str], **body: str) -> dict[str, str]:
        answer = call("POST", "chat/", body, headers)
        assert answer.status_code == 200, answer.content
        found: dict[str, str] = answer.json()
        return found

    catalogue = say(person.headers, message="Which albums by AC/DC do you have?")
    assert ("AC/DC" in catalogue["message"], catalogue["agent"]) == (True, "music_agent")
    assert catalogue["agent_id"] == "supervisor"
    asked = say(person.headers, message="Show me my last invoice", thread_id=catalogue["thread_id"])
    assert (asked["message"], asked["thread_id"]) == (ENGLISH["who_are_you"], catalogue["thread_id"])

    customer = Customer.objects.order_by("pk")[0]
    newest = Invoice.objects.filter(customer=customer).order_by("-invoice_date", "-pk")[0]
    _, trusted = make_key(person, "run_agents", "view_agents", "verify_customers")
    wrong = call("POST", "chat/", {"message": "Show me my last invoice", "customer_id": "abc"}, trusted)
    assert (wrong.status_code, [*wrong.json()["error"]["fields"]]) == (400, ["customer_id"])
    certain = say(trusted, message="Show me my last invoice", customer_id=f"0{customer.pk}")
    assert (str(newest.pk) in certain["message"], certain["agent"]) == (True, "invoice_agent")
