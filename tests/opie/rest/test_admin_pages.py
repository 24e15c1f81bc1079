"""Every page of the admin loads, and the rules of the API hold there too."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.opie.ledger import budgets
from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.ledger.rerating import rerate
from apps.opie.models import Agent, AIPlatform, Budget, CommandTemplate, Limit, ModelPrice, PlatformHealth, UsageRollUp
from tests.opie.ledger.written import write_call
from tests.opie.people import Person

PLATFORM: dict[str, Any] = {
    "platform_name": "p", "api_type": "openai", "base_url": "", "default_model": "m", "timeout": 60, "max_tokens": 10,
    "priority": 1, "is_enabled": "on",
}  # fmt: skip


@pytest.fixture
def staff(person: Person) -> Client:
    """One who may manage platforms in the admin without being a superuser."""
    user = User.objects.create_user("staff@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__model="aiplatform"))
    client = Client()
    client.force_login(user)
    return client


def test_every_page_loads(admin_client: Client, person: Person, agents: dict[str, Agent]) -> None:
    call = write_call(person.principal)
    Budget.objects.create(team=person.team, amount=5)
    Budget.objects.create(team=person.team, amount=5, period="ever")
    budgets.reserve(person.principal, call.pk, Decimal(1))
    Limit.objects.create(team=person.team, parallel_runs=1)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    set_price(person.principal, NewPrice("openai", "gpt-test", Decimal(1), Decimal(1), valid_from=moment))
    rerate(person.principal, moment, datetime(2100, 1, 1, tzinfo=UTC))
    PlatformHealth.objects.create(platform=AIPlatform.objects.all()[0])
    figures = dict.fromkeys(["calls", "failed_calls", "unpriced_calls", "input_tokens", "output_tokens"], 1)
    UsageRollUp.objects.create(
        day=moment.date(), team=person.team, platform_name="p", model="m", cached_tokens=0, reasoning_tokens=0,
        cost=Decimal(1), **figures,
    )  # fmt: skip
    seen = set()
    for model, page in admin.site._registry.items():
        root = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert admin_client.get(root).status_code == 200, root
        assert admin_client.get(root, {"q": "a"}).status_code == 200, root
        first = model._default_manager.first()
        if first is not None:
            assert admin_client.get(f"{root}{first.pk}/change/").status_code == 200, (root, first.pk)
            seen.add(model.__name__)
        can_add = page.has_add_permission(admin_client.get(root).wsgi_request)
        assert admin_client.get(f"{root}add/").status_code == (200 if can_add else 403), root
    new = {"Budget", "BudgetPeriod", "BudgetReservation", "Limit", "ModelPrice", "UsageCorrection", "UsageRollUp"}
    assert new | {"PlatformHealth", "AIPlatform", "AgentOSUsage"} <= seen


def test_lists_are_filtered_by_what_they_offer_and_by_nothing_else(
    admin_client: Client, person: Person, agents: dict[str, Agent]
) -> None:
    for model, page in admin.site._registry.items():
        if model._meta.app_label not in {"accounts", "opie"}:
            continue
        root = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        shown = admin_client.get(root)
        for field in model._meta.get_fields():
            for lookup in (f"{field.name}__startswith", f"{field.name}__gt", f"{field.name}__id__startswith"):
                assert not page.lookup_allowed(lookup, "a", shown.wsgi_request), (root, lookup)
        if shown.context is None:
            continue
        changes = shown.context["cl"]
        for spec in changes.filter_specs:
            for choice in list(spec.choices(changes))[:3]:
                assert admin_client.get(root + choice["query_string"]).status_code == 200, (root, choice)


def test_staff_do_not_read_letter_by_letter_what_they_are_not_shown(admin_client: Client) -> None:
    for address in (
        "agentosmessage/?content__icontains=a",
        "agentossession/?title__icontains=a",
        "memoryprofile/?data__icontains=a",
    ):
        assert admin_client.get(f"/admin/opie/{address}").status_code == 400, address
    assert admin_client.get("/admin/accounts/refreshtoken/?token_hash__gt=a").status_code == 400


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(f"/admin/opie/{path}", body)


def test_a_key_goes_in_and_to_no_other_address(admin_client: Client, staff: Client) -> None:
    assert post(admin_client, "aiplatform/add/", PLATFORM | {"new_key": "sk-first-key"}).status_code == 302
    platform = AIPlatform.objects.get(platform_name="p")
    assert platform.api_key == "sk-first-key"
    change = f"aiplatform/{platform.pk}/change/"
    for moved in ({"base_url": "http://127.0.0.1:1/v1"}, {"api_type": "anthropic"}):
        refused = post(admin_client, change, PLATFORM | moved)
        assert refused.status_code == 200
        assert "Enter the key again" in refused.content.decode()
    inward = post(staff, change, PLATFORM | {"base_url": "https://127.0.0.1/v1", "new_key": "k"})
    assert "not on the public internet" in inward.content.decode()
    assert post(staff, change, PLATFORM | {"priority": 5}).status_code == 302
    platform.refresh_from_db()
    assert (platform.api_key, platform.base_url, platform.priority) == ("sk-first-key", "", 5)
    moved = PLATFORM | {"base_url": "http://127.0.0.1:1/v1", "new_key": "sk-second-key"}
    assert post(admin_client, change, moved).status_code == 302
    platform.refresh_from_db()
    assert platform.api_key == "sk-second-key"
    entries = list(AuditEntry.objects.filter(object_type="opie.aiplatform").values_list("action", "after"))
    assert len(entries) == 3
    assert "sk-" not in str(entries)


def test_the_operator_sets_a_price_for_all(admin_client: Client) -> None:
    body = {
        "platform_name": "openai", "model": "m", "input_per_million": "3", "output_per_million": "4",
        "valid_from_0": "2026-01-01", "valid_from_1": "00:00:00",
    }  # fmt: skip
    for amount in ("3", "5"):
        answer = post(admin_client, "modelprice/add/", body | {"input_per_million": amount})
        assert answer.status_code == 302, answer.content
    current = ModelPrice.objects.current().get()
    assert (current.team, current.input_per_million, ModelPrice.objects.count()) == (None, 5, 2)
    assert post(admin_client, f"modelprice/{current.pk}/change/", body).status_code == 403
    assert post(admin_client, f"modelprice/{current.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_command_is_checked_and_kept_as_a_version(admin_client: Client) -> None:
    body = {
        "slug": "review", "name": "Review", "template": "Review {{code}}", "visibility": "public",
        "status": "published", "parameters": "[]",
    }  # fmt: skip
    refused = post(admin_client, "commandtemplate/add/", body)
    assert "there is no parameter named code" in refused.content.decode()
    body["parameters"] = '[{"name": "code", "type": "text"}]'
    assert post(admin_client, "commandtemplate/add/", body).status_code == 302
    command = CommandTemplate.objects.get()
    change = f"commandtemplate/{command.pk}/change/"
    assert post(admin_client, change, body | {"name": "Review code"}).status_code == 302
    assert [version.definition["name"] for version in command.versions.all()] == ["Review code", "Review"]
    assert admin_client.get(f"/admin/opie/{change}").status_code == 200
