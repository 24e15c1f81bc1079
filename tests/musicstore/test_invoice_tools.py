"""The invoice tools answer from one customer's rows, whatever else they are given."""

import inspect
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.musicstore.models import Customer, Invoice, InvoiceLine
from apps.musicstore.tools.invoices import (
    get_employee_by_invoice_and_customer,
    get_invoices_by_customer_sorted_by_date,
    get_invoices_sorted_by_unit_price,
)

TOOLS = (
    get_invoices_by_customer_sorted_by_date,
    get_invoices_sorted_by_unit_price,
    get_employee_by_invoice_and_customer,
)


def test_the_newest_invoice_comes_first(sample: None) -> None:
    answer = get_invoices_by_customer_sorted_by_date(1)
    assert [row["date"] for row in answer["rows"]] == ["2025-07-04", "2025-03-08", "2025-01-14"]
    assert answer["rows"][0] == {
        "invoice_id": 10,
        "date": "2025-07-04",
        "total": "2.97 USD",
        "items": ["Stairway to Heaven – Led Zeppelin", "Black Dog – Led Zeppelin", "Love of My Life – Queen"],
        "number_of_items": 3,
    }
    assert answer["total"] == 3


def test_the_dearest_item_comes_first(sample: None) -> None:
    answer = get_invoices_sorted_by_unit_price(1, page_size=2)
    assert answer["rows"][0] == {
        "invoice_id": 4, "date": "2025-03-08", "track": "Bohemian Rhapsody", "artist": "Queen", "unit_price": "1.99 USD",
        "quantity": 1,
    }  # fmt: skip
    assert answer["rows"][1]["date"] == "2025-07-04"
    assert (answer["total"], answer["more"]) == (7, "5 more: ask again with page=2.")


def test_who_looks_after_an_invoice(sample: None) -> None:
    assert get_employee_by_invoice_and_customer(1, 4)["rows"] == [
        {"invoice_id": 4, "employee": "Tom Abara", "title": "Sales Support Agent", "email": "tom@store.example.com"}
    ]
    Customer.objects.filter(pk=1).update(support_rep=None)
    assert get_employee_by_invoice_and_customer(1, 4)["message"] == "Nobody in particular looks after invoice 4."


def test_another_customers_invoice_is_as_one_that_is_not_there(sample: None) -> None:
    theirs = get_employee_by_invoice_and_customer(1, 2)
    nobodys = get_employee_by_invoice_and_customer(1, 999)
    assert theirs["message"].replace("2", "999") == nobodys["message"] == "The customer has no invoice 999."
    assert {**theirs, "message": ""} == {**nobodys, "message": ""}


@pytest.mark.parametrize("number", [0, -1, 2**31, 10**40])
def test_numbers_that_no_invoice_has(sample: None, number: int) -> None:
    assert get_employee_by_invoice_and_customer(1, number)["message"] == f"The customer has no invoice {number}."


def test_who_has_bought_nothing(sample: None) -> None:
    customer = Customer.objects.create(first_name="New", last_name="One", email="new@example.com")
    for tool in (get_invoices_by_customer_sorted_by_date, get_invoices_sorted_by_unit_price):
        assert tool(customer.pk)["message"] == "The customer has bought nothing yet."


def test_a_long_invoice_is_cut(sample: None) -> None:
    lines = [InvoiceLine(invoice_id=1, track_id=n % 80 + 1, unit_price=1, quantity=1) for n in range(200)]
    InvoiceLine.objects.bulk_create(lines)
    row = get_invoices_by_customer_sorted_by_date(1)["rows"][-1]
    assert (len(row["items"]), row["number_of_items"]) == (30, 203)


def test_the_customer_comes_first_and_has_no_default() -> None:
    for tool in TOOLS:
        first = next(iter(inspect.signature(tool).parameters.values()))
        assert (first.name, first.annotation, first.default) == ("customer_id", int, inspect.Parameter.empty)
        # The model is told of every other parameter, and not of this one.
        assert "customer_id" not in (inspect.getdoc(tool) or "")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 6), st.integers(), st.integers())
def test_nothing_that_is_given_beside_the_customer_reaches_others(
    sample: None, customer: int, one: int, other: int
) -> None:
    own = set(Invoice.objects.filter(customer_id=customer).values_list("id", flat=True))
    answers: list[Any] = [tool(customer, one, other) for tool in TOOLS[:2]]
    answers.append(get_employee_by_invoice_and_customer(customer, one))
    for answer in answers:
        json.dumps(answer)
        assert {row["invoice_id"] for row in answer["rows"]} <= own


def test_each_answer_takes_three_statements_at_most(sample: None, django_assert_max_num_queries: Any) -> None:
    for tool in TOOLS:
        for second in (1, 7):
            with django_assert_max_num_queries(3):
                tool(1, second)
