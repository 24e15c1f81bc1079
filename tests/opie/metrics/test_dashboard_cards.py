"""Cards of hosts on the start page."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.accounts.models import Role, Team
from apps.accounts.permissions import Permission
from apps.opie import checks
from apps.opie.extend import DashboardCard, register_dashboard_card
from apps.opie.metrics import dashboard_cards
from tests.opie.people import Person, make_person


@pytest.fixture(autouse=True)
def _no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_cards, "CARDS", [])


def shown_to(person: Person) -> str:
    client = Client()
    client.force_login(person.user)
    response = client.get("/agentos/")
    assert response.status_code == 200
    return response.content.decode()


def test_a_card_is_shown_as_it_is_meant(person: Person) -> None:
    card = DashboardCard("Orders", "1,204", "this week", [("Open", "<b>7</b>")], "/shop/orders/", "All orders")
    register_dashboard_card("orders", lambda _: card)
    page = shown_to(person)
    assert "1,204" in page
    assert "this week" in page
    assert "&lt;b&gt;7&lt;/b&gt;" in page
    assert 'href="/shop/orders/"' in page


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//elsewhere.example/", "https://elsewhere.example/"])
def test_a_card_leads_nowhere_else(person: Person, link: str) -> None:
    register_dashboard_card("orders", lambda _: DashboardCard("Orders", link=link, link_label="All orders"))
    assert "All orders" not in shown_to(person)


def test_it_is_for_those_who_may(team: Team, person: Person) -> None:
    register_dashboard_card(
        "orders", lambda one: DashboardCard(f"Orders of {one.email}"), permission=Permission.MANAGE_TEAM
    )
    assert f"Orders of {person.user.email}" in shown_to(person)
    assert "Orders of" not in shown_to(make_person("ben@example.com", team, Role.MEMBER))


def test_what_fails_or_takes_too_long_is_left_out(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_cards, "LONGEST_MILLISECONDS", 50)

    def slow(_: Any) -> DashboardCard:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        return DashboardCard("Slow")

    def wrong(_: Any) -> DashboardCard:
        raise ZeroDivisionError

    for number, card in enumerate((slow, wrong, lambda _: None, lambda _: DashboardCard("Good"))):
        register_dashboard_card(str(number), card)
    page = shown_to(person)
    assert "Good" in page
    assert "Slow" not in page


def test_mistakes_are_said_at_start() -> None:
    register_dashboard_card("orders", lambda _: None)
    register_dashboard_card("orders", "no function")  # type: ignore[arg-type]
    said = checks.dashboard_cards_fit()
    assert [one.id for one in said] == ["opie.E009", "opie.E009"]
    assert "orders" in str(said[0].msg)
