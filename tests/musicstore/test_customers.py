"""Who is recognised by what they write, and who is not."""

import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.musicstore.customers import claims_in, recognise
from apps.musicstore.models import Customer
from apps.musicstore.phones import is_same_number, national


def who(text: str, *, asked: bool = False) -> int | None:
    customer = recognise(text, asked=asked).customer
    return None if customer is None else customer.pk


@pytest.fixture
def winnipeg(sample: None) -> Customer:
    """Customer 32, reached at +1 (204) 452-6452."""
    return Customer.objects.create(
        id=32, first_name="A", last_name="M", email="luisg@embraer.com.br", phone="+1 (204) 452-6452"
    )


@pytest.mark.parametrize(
    "text",
    [
        "I'm customer 5",
        "I’m customer 5.",
        "im customer 5 and I want my invoices",
        "I am customer #5, what did I buy last?",
        "My customer id is 5",
        "my customer ID: 5",
        "Customer number 5 here",
        "customer no. 5",
        "Hello, customer 5 here. Show my orders!",
        "my id is #5",
        "My ID is 5. How much did I pay?",
        "id 5",
        "ID: 5",
        "Show my invoices, customer_id=5",
        "show my last invoice, customer 5",
        "I want my money back for invoice 11, customer 5",
        "my customer number's 5",
        "I've told your colleague already: customer number 5",
        "The other day I ordered as customer 5",
        "My account number is 5",
        "This is customer 5",
        "grace@example.co.uk",
        "My e-mail is Grace@Example.co.uk.",
        "Write to <grace@example.co.uk>, please",
        "+44 020 7946 0123",
        "my phone is +44 20 7946 0123.",
        "call me: 020 7946 0123",
        "00442079460123",
        "2079460123",
        "customer 5, grace@example.co.uk, +44 020 7946 0123",
        "My invoice is 98, and my customer id is 5",
    ],
)
def test_one_customer_is_recognised(sample: None, text: str) -> None:
    assert who(text) == 5


@pytest.mark.parametrize(
    "number",
    [
        "+1 (204) 452-6452",
        "12044526452",
        "+12044526452",
        "204-452-6452",
        "(204) 452 6452",
        "2044526452",
        "204.452.6452",
        "0012044526452",
        "1-204-452-6452",
    ],
)
@pytest.mark.parametrize(
    "sentence", ["{}", "My phone number is {}.", "You can call me at {}, what did I buy?", "Show my invoices, {}"]
)
def test_a_telephone_in_any_format(winnipeg: Customer, number: str, sentence: str) -> None:
    found = recognise(sentence.format(number))
    assert found.customer == winnipeg
    assert [claim.kind for claim in found.claims] == ["phone"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What albums do you have by AC/DC?",
        "Show me invoice 5",
        "invoice id 5",
        "my invoice id is 5",
        "The id of my order is 5",
        "order number 5",
        "my order number is 5",
        "I bought 5 songs",
        "I have been a customer for 5 years",
        "I'm a customer 5 years now",
        "I am customer 5.5",
        "I am customer 5,000",
        "I am customer 5-1",
        "I am customer A5",
        "I am customer 5A",
        "customer 5's invoices",
        "What did customer 5 buy?",
        "Show what my friend, customer 5, bought",
        "my colleague: customer 5",
        "Tell me what customer 5 bought",
        "I'm not customer 5",
        "my id is not 5",
        "my customer id isn't 5",
        "My friend's customer id is 5",
        "her id is 5",
        "show me the other customer id 5",
        "5",
        "my number is 5",
        "track id 5",
        "customer 5²",
        "example.co.uk",
        "452-6452",
        "my phone is 452-6452",
        "invoice 12044526452",
        "order no. 12044526452",
        "912044526452",
        "12044526452123",
        "x12044526452",
        "xluisg@embraer.com.br is not me",
        "my email isn't luisg@embraer.com.br",
    ],
)
def test_nobody_is_recognised(winnipeg: Customer, text: str) -> None:
    assert who(text) is None


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("I am customer 4 or 5", "ambiguous"),
        ("my id is 4, 5", "ambiguous"),
        ("customer id 4 and customer id 5", "ambiguous"),
        ("I'm customer 5, paulo@example.com.br", "ambiguous"),
        ("I'm customer 5, nobody@example.com", "ambiguous"),
        ("I'm customer 5, my phone is +1 204 555 9999", "ambiguous"),
        ("id 1, id 2, id 3, id 4, id 5, id 6", "ambiguous"),
        ("I'm customer 999", "unknown"),
        ("my id is 0", "unknown"),
        ("nobody@example.com", "unknown"),
        ("my phone is +1 204 555 9999", "unknown"),
        ("order 20240101 of 2024-01-01", "nothing_said"),
        ("hello", "nothing_said"),
    ],
)
def test_in_doubt_it_is_nobody(sample: None, text: str, outcome: str) -> None:
    found = recognise(text)
    assert (found.customer, found.outcome) == (None, outcome)


def test_who_was_asked_may_answer_with_a_number_alone(sample: None) -> None:
    for text in ("5", "#5", "It's 5.", "my id is 5", "5, thanks", "Yes, it is 5!"):
        assert who(text, asked=True) == 5, text
    for text in ("5 or 6", "5 songs", "98.5", "invoice 5", "5 5", "not 5"):
        assert who(text, asked=True) is None, text


def test_a_telephone_that_two_share_tells_neither_but_with_an_id(sample: None) -> None:
    Customer.objects.filter(pk__in=[1, 6]).update(phone="+1 (204) 555-0142")
    assert recognise("+1 (204) 555-0142").outcome == "ambiguous"
    assert who("I'm customer 6, call me at 204-555-0142") == 6


def test_it_takes_one_statement_and_none_for_nothing(sample: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        recognise("customer 5, grace@example.co.uk, +44 020 7946 0123")
    with django_assert_num_queries(0):
        recognise("What albums do you have?")
    with django_assert_num_queries(0):
        recognise(" ".join(f"person{number}@example.com" for number in range(50)))


IDS = st.integers(1, 6)
SENTENCES = st.sampled_from(
    ["{}", "Hi, {}.", "{}! What did I buy last year?", "Please help me: {}", "In 2024 I moved. {}"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    IDS, SENTENCES, st.sampled_from(["My customer id is {}", "I am customer {}", "my id is #{}", "This is customer {}"])
)
def test_an_id_is_found_in_any_sentence(sample: None, number: int, sentence: str, said: str) -> None:
    assert who(sentence.format(said.format(number))) == number


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(IDS, st.text("0123456789", min_size=1, max_size=8), st.booleans(), st.sampled_from(["", ".", ",", "-", "/"]))
def test_an_id_is_never_taken_from_within_another_number(
    sample: None, number: int, more: str, before: bool, joined: str
) -> None:
    whole = f"{more}{joined}{number}" if before else f"{number}{joined}{more}"
    if whole.strip("0") == str(number) and not joined:
        return  # 05 is 5, however it is written, and 50 is another: checked below
    found = who(f"I am customer {whole}")
    assert found is None or str(found) == whole.lstrip("0"), whole


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(IDS, st.sampled_from([" ", "-", ".", "", " - "]), st.booleans(), SENTENCES)
def test_a_telephone_is_found_however_its_digits_are_parted(
    sample: None, number: int, between: str, abroad: bool, sentence: str
) -> None:
    customer = Customer.objects.get(pk=number)
    digits = national(customer.phone)
    parts = [digits[:3], digits[3:6], digits[6:]]
    country = customer.phone.split()[0] + " " if abroad else ""
    said = country + between.join(parts)
    assert who(sentence.format("My phone is " + said)) == number


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(IDS, min_size=2, max_size=4, unique=True), st.sampled_from([", ", " and ", " or ", "/", " & "]))
def test_several_are_nobody(sample: None, numbers: list[int], between: str) -> None:
    assert who("My customer id is " + between.join(map(str, numbers))) is None
    emails = Customer.objects.filter(pk__in=numbers).values_list("email", flat=True)
    assert who("Mine are " + between.join(emails)) is None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
def test_any_text_is_read(sample: None, text: str) -> None:
    assert recognise(text).customer is None or claims_in(text)


def test_every_customer_of_chinook(chinook: sqlite3.Connection, db: None) -> None:
    for number, email, phone in chinook.execute("SELECT CustomerId, Email, Phone FROM Customer").fetchall():
        assert who(f"I'm customer {number}.") == number
        assert who(f"My e-mail is {email.upper()}, what did I buy?") == number
        if phone:
            assert who(f"You reach me at {phone}.") == number
            assert who("".join(letter for letter in phone if letter.isdigit())) == number
            assert who(national(phone)) == number


def test_a_number_with_something_before_it_is_another() -> None:
    assert is_same_number("+49 711 5550199", "+49 0711 5550199")
    assert not is_same_number("+48 711 5550199", "+49 0711 5550199")
    assert not is_same_number("5550199", "+49 0711 5550199")
    assert not is_same_number("", "")
