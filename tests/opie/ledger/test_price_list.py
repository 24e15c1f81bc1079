"""Prices that a team or the operator sets: superseded, never edited; by the database's own word."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.opie.ledger.price_list import NewPrice, listed_price, put_in_force, set_price
from apps.opie.models import ModelPrice
from tests.opie.ledger.written import at_once
from tests.opie.people import Person

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def new(amount: int | str, valid_from: datetime | None = None, model: str = "m") -> NewPrice:
    return NewPrice("p", model, Decimal(amount), Decimal(2), valid_from=valid_from)


def price_at(person: Person, moment: datetime, model: str = "m") -> Decimal | None:
    found = listed_price(person.principal.team_id, "p", model, moment)
    return found.input if found else None


def test_a_new_price_ends_the_one_before_it(person: Person) -> None:
    set_price(person.principal, new(1, NOW - 2 * DAY))
    set_price(person.principal, new(2, NOW))
    assert [price_at(person, NOW + days * DAY) for days in (-3, -2, -1, 0, 1)] == [None, 1, 1, 2, 2]
    assert ModelPrice.objects.current().count() == 1


def test_a_price_to_come_holds_from_its_moment_on(person: Person) -> None:
    set_price(person.principal, new(1, NOW))
    set_price(person.principal, new(3, NOW + 10 * DAY))
    set_price(person.principal, new(2, NOW + 5 * DAY))
    assert [price_at(person, NOW + days * DAY) for days in (0, 4, 5, 9, 10, 99)] == [1, 1, 2, 2, 3, 3]


def test_a_price_that_was_wrong_from_its_first_moment_can_be_corrected(person: Person) -> None:
    set_price(person.principal, new(1, NOW - 10 * DAY))
    set_price(person.principal, new(5, NOW))
    set_price(person.principal, new(2, NOW - 10 * DAY))
    set_price(person.principal, new(4, NOW - 20 * DAY))
    assert [price_at(person, NOW + days * DAY) for days in (-20, -11, -10, -1, 0)] == [4, 4, 2, 2, 5]
    assert ModelPrice.objects.count() == 4  # what was believed once stays on record


@given(when=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 99)), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_at_each_moment_the_last_word_on_it_holds(person: Person, when: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE opie_modelprice CASCADE")
    said: dict[int, int] = {}
    for day, amount in when:
        set_price(person.principal, new(amount, NOW + day * DAY))
        said[day] = amount
    for day in range(7):
        before = [known for known in said if known <= day]
        assert price_at(person, NOW + day * DAY) == (said[max(before)] if before else None)
    assert ModelPrice.objects.current().count() == (1 if said else 0)


def test_the_teams_own_price_comes_before_the_installations(person: Person, stranger: Person) -> None:
    put_in_force(new(7, NOW), None, None)
    assert price_at(person, NOW) == price_at(stranger, NOW) == 7
    set_price(person.principal, new(3, NOW + DAY))
    assert [price_at(person, NOW + DAY), price_at(stranger, NOW + DAY), price_at(person, NOW)] == [3, 7, 7]
    assert price_at(person, NOW, "another") is None


def test_many_at_once_leave_one_in_force(person: Person) -> None:
    at_once(20, lambda place: set_price(person.principal, new(place)))
    assert ModelPrice.objects.count() == 20
    assert ModelPrice.objects.current().count() == 1
    ordered = list(ModelPrice.objects.order_by("valid_from").values_list("valid_from", "superseded_at"))
    assert [end for _, end in ordered[:-1]] == [start for start, _ in ordered[1:]]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE opie_modelprice SET input_per_million = 0",
        "UPDATE opie_modelprice SET valid_from = valid_from - interval '1 day'",
        "UPDATE opie_modelprice SET team_id = NULL",
        "UPDATE opie_modelprice SET superseded_at = NULL WHERE superseded_at IS NOT NULL",
        "UPDATE opie_modelprice SET superseded_at = superseded_at + interval '1 day' WHERE superseded_at IS NOT NULL",
        "UPDATE opie_modelprice SET superseded_at = valid_from - interval '1 day'",
        "DELETE FROM opie_modelprice",
    ],
)
def test_the_database_refuses_to_edit_or_delete_a_price(person: Person, change: str) -> None:
    set_price(person.principal, new(1, NOW - DAY))
    set_price(person.principal, new(2, NOW))
    before = list(ModelPrice.objects.values())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert list(ModelPrice.objects.values()) == before


def test_a_price_outlives_its_author_and_goes_with_its_team(person: Person, stranger: Person) -> None:
    put_in_force(new(1, NOW), person.principal.team_id, stranger.principal.user_id)
    stranger.user.delete()
    assert ModelPrice.objects.get().author is None
    person.team.delete()
    assert not ModelPrice.objects.exists()
