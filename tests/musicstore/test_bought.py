"""Whether, when and on which invoice something was bought, asked without a model."""

import sqlite3

import pytest

from apps.musicstore.answers import answer_invoices
from apps.musicstore.bought_questions import names_bought
from apps.musicstore.phrases import PHRASES

LED_ZEPPELIN = {"Kashmir", "Stairway to Heaven", "Black Dog"}
AC_DC = {"Hells Bells", "You Shook Me All Night Long"}


def bought(message: str, customer: int = 1, language: str = "en") -> set[str]:
    """The songs that are told of, which come without the whole of any invoice."""
    said = answer_invoices(message, customer, language)
    assert said.answer is not None
    assert {row["track"] for row in said.answer["rows"]} == {
        line[2:].partition(" by ")[0] for line in said.text.splitlines()[1:]
    }, said.text
    return {row["track"] for row in said.answer["rows"]}


@pytest.mark.parametrize(
    ("message", "songs"),
    [
        ("Which invoices have Led Zeppelin on them?", LED_ZEPPELIN),
        ("Have I ever bought anything by led zepelin?", LED_ZEPPELIN),
        ("What songs by Led Zeppelin did I buy?", LED_ZEPPELIN),
        ("Did I buy Kashmir?", {"Kashmir"}),
        ("Did I buy Kashmir by Led Zeppelin in 2025?", {"Kashmir"}),
        ("Hi there. When did I buy “Kashmir” from you?", {"Kashmir"}),
        ("What did I pay for the song Kashmir?", {"Kashmir"}),
        ("On which invoice is Kashmir?", {"Kashmir"}),
        ("Is Kashmir on one of my invoices?", {"Kashmir"}),
        ("How much have I spent on ac dc?", AC_DC),
        ("Did I buy Led Zeppelin IV?", {"Stairway to Heaven", "Black Dog"}),
    ],
)
def test_what_was_bought(sample: None, message: str, songs: set[str]) -> None:
    assert bought(message) == songs


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("de", "Habe ich schon etwas von Led Zeppelin gekauft?"),
        ("de", "Auf welcher Rechnung steht Led Zeppelin?"),
        ("es", "¿He comprado algo de Led Zeppelin?"),
        ("fr", "Ai-je déjà acheté quelque chose de Led Zeppelin ?"),
        ("pt", "Já comprei alguma coisa de Led Zeppelin?"),
    ],
)
def test_in_other_languages(sample: None, language: str, message: str) -> None:
    said = answer_invoices(message, 1, language)
    head = PHRASES[language]["bought_of"].partition("|")[2].format(n=3, name="Led Zeppelin")
    assert (said.text.splitlines()[0], len(said.text.splitlines())) == (head, 4)


@pytest.mark.parametrize("message", ["Did I buy Ironic?", "Have I bought anything by Nirvana?", "Did I buy Nevermind?"])
def test_what_others_bought_is_none_of_it(sample: None, message: str) -> None:
    said = answer_invoices(message, 1)
    assert said.text.startswith("You have bought nothing of “")
    assert said.text.count("\n") == 0
    assert bought("Did I buy Ironic?", 6) == {"Ironic"}


@pytest.mark.parametrize(
    "message",
    [
        *("What did I buy?", "What did I buy last?", "What did I buy last year?", "Show me my invoices from 2025"),
        *("How many invoices do I have?", "Did I buy anything from you?", "Was habe ich zuletzt gekauft?"),
        *("¿Qué compré la última vez?", "Qu'ai-je acheté la dernière fois ?", "which orders are there", "Did I buy"),
        *("My order is late", "Meine Rechnung ist falsch", "Mi factura está mal", "Ma facture est fausse"),
    ],
)
def test_what_is_no_name(message: str) -> None:
    assert names_bought(message) == []


def test_the_point_of_a_name_ends_no_sentence() -> None:
    assert names_bought("Hello there. Did I ever buy St. Anger?") == ["St. Anger"]


def test_one_word_is_a_whole_name(sample: None) -> None:
    """ "You Shook Me All Night Long" is not what "night" names."""
    assert answer_invoices("I need the invoice for night", 1).text.startswith("You have 3 invoices")
    assert bought("Did I buy All Night Long?") == {"You Shook Me All Night Long"}


def test_a_name_that_nobody_knows_shows_all(sample: None) -> None:
    assert answer_invoices("Did I buy the blue one?", 1).text.startswith("You have 3 invoices")


def test_every_customer_of_chinook_and_whom_they_bought_of(chinook: sqlite3.Connection, db: None) -> None:
    """Of the first artist by name that each has bought of: as the raw file has it."""
    lines = chinook.execute(
        """SELECT i.CustomerId, a.Name, t.Name, i.InvoiceId FROM InvoiceLine l JOIN Invoice i USING (InvoiceId)
        JOIN Track t USING (TrackId) JOIN Album b USING (AlbumId) JOIN Artist a USING (ArtistId) ORDER BY a.Name"""
    ).fetchall()
    customers = {customer for customer, *_ in lines}
    assert len(customers) == 59
    for customer in customers:
        artist = next(name for buyer, name, *_ in lines if buyer == customer)
        wanted = sorted(
            (track, invoice) for buyer, name, track, invoice in lines if (buyer, name) == (customer, artist)
        )
        said = answer_invoices(f"Which of my invoices have {artist} on them?", customer)
        assert said.answer is not None
        rows = [(row["track"], row["invoice_id"]) for row in said.answer["rows"] if row["artist"] == artist]
        assert sorted(rows) == wanted, (customer, artist)


def test_albums_of_many_songs(chinook: sqlite3.Connection, db: None) -> None:
    """What somebody bought of the end of a long album is found too."""
    bought_of = chinook.execute(
        """SELECT DISTINCT i.CustomerId, b.Title FROM InvoiceLine l JOIN Invoice i USING (InvoiceId) JOIN Track t USING (TrackId)
        JOIN Album b USING (AlbumId) WHERE (SELECT count(*) FROM Track o WHERE o.AlbumId = b.AlbumId) > 25"""
    ).fetchall()
    assert bought_of
    for customer, album in bought_of:
        said = answer_invoices(f"Did I buy {album}?", customer)
        assert said.text.startswith("You have bought "), (customer, album, said.text)
        assert not said.text.startswith("You have bought nothing"), (customer, album)
