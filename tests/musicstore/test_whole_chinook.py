"""The tools agree with SQL over the whole of Chinook, as its file has it."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

from apps.musicstore.names import squeeze
from apps.musicstore.tools.catalogue import (
    check_for_songs,
    get_albums_by_artist,
    get_songs_by_genre,
    get_tracks_by_artist,
)
from apps.musicstore.tools.invoices import (
    get_employee_by_invoice_and_customer,
    get_invoices_by_customer_sorted_by_date,
    get_invoices_sorted_by_unit_price,
)
from apps.musicstore.tools.paging import MOST_ROWS, Answer


def every_row(tool: Callable[..., Answer], whose: Any) -> list[dict[str, Any]]:
    """The rows of all pages, which must come to the total that each of them says."""
    rows: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = tool(whose, page=page, page_size=MOST_ROWS)
        rows += answer["rows"]
        if "more" not in answer:
            assert len(rows) == answer["total"], (tool, whose)
            return rows
        page += 1


def test_every_artist_of_chinook(chinook: sqlite3.Connection, db: None) -> None:
    albums = "SELECT Title FROM Album WHERE ArtistId = ?"
    tracks = "SELECT t.Name, a.Title FROM Track t JOIN Album a USING (AlbumId) WHERE a.ArtistId = ?"
    artists = chinook.execute("SELECT ArtistId, Name FROM Artist").fetchall()
    assert len(artists) == 275
    for artist, name in artists:
        rows = every_row(get_albums_by_artist, name)
        assert Counter(row["album"] for row in rows) == Counter(t for (t,) in chinook.execute(albums, [artist])), name
        rows = every_row(get_tracks_by_artist, name)
        found = Counter((row["track"], row["album"]) for row in rows)
        assert found == Counter(chinook.execute(tracks, [artist]).fetchall()), name
        assert {row["artist"] for row in rows} <= {name}


def test_every_genre_of_chinook(chinook: sqlite3.Connection, db: None) -> None:
    genres = chinook.execute("SELECT GenreId, Name FROM Genre").fetchall()
    assert len(genres) == 25
    for genre, name in genres:
        wanted = chinook.execute(
            "SELECT t.Name, r.Name FROM Track t JOIN Album a USING (AlbumId) JOIN Artist r USING (ArtistId) "
            "WHERE t.GenreId = ?",
            [genre],
        ).fetchall()
        rows = every_row(get_songs_by_genre, name)
        assert Counter((row["track"], row["artist"]) for row in rows) == Counter(wanted), name


def test_every_title_of_chinook(chinook: sqlite3.Connection, db: None) -> None:
    """What is called so comes first, and all of it, on the first page."""
    titles = Counter(name for (name,) in chinook.execute("SELECT Name FROM Track"))
    alike: Counter[str] = Counter()
    for name, times in titles.items():
        alike[squeeze(name)] += times
    assert len(titles) == 3257
    for name, times in titles.items():
        first = [row["track"] for row in check_for_songs(name, page_size=MOST_ROWS)["rows"]]
        same = alike[squeeze(name)]
        assert same <= MOST_ROWS
        assert {squeeze(track) for track in first[:same]} == {squeeze(name)}, name
        assert first[:same].count(name) == times, name


def test_every_artist_of_chinook_with_a_letter_left_out(chinook: sqlite3.Connection, db: None) -> None:
    """Of the names that are long enough for it to be told: the artist is found, or offered."""
    names = [name for (name,) in chinook.execute("SELECT Name FROM Artist WHERE length(Name) BETWEEN 6 AND 25")]
    missed = []
    for name in names:
        middle = len(name) // 2
        said = name[:middle] + name[middle + 1 :]
        answer = get_albums_by_artist(said)
        told = answer.get("message", "") + str(answer["rows"])
        if name not in told:
            missed.append((said, answer))
    assert len(missed) <= len(names) // 50, missed


def test_every_customer_of_chinook(chinook: sqlite3.Connection, db: None) -> None:
    customers = [customer for (customer,) in chinook.execute("SELECT CustomerId FROM Customer")]
    assert len(customers) == 59
    for customer in customers:
        wanted = chinook.execute(
            "SELECT InvoiceId, substr(InvoiceDate, 1, 10), Total, (SELECT count(*) FROM InvoiceLine l "
            "WHERE l.InvoiceId = i.InvoiceId) FROM Invoice i WHERE CustomerId = ? ORDER BY InvoiceDate DESC, InvoiceId DESC",
            [customer],
        ).fetchall()
        rows = every_row(get_invoices_by_customer_sorted_by_date, customer)
        found = [(row["invoice_id"], row["date"], float(row["total"]), row["number_of_items"]) for row in rows]
        assert found == wanted
        assert all(len(row["items"]) == row["number_of_items"] for row in rows)
        lines = chinook.execute(
            "SELECT i.InvoiceId, t.Name, r.Name, l.UnitPrice FROM InvoiceLine l JOIN Invoice i USING (InvoiceId) "
            "JOIN Track t USING (TrackId) JOIN Album USING (AlbumId) JOIN Artist r USING (ArtistId) WHERE CustomerId = ?",
            [customer],
        ).fetchall()
        bought = every_row(get_invoices_sorted_by_unit_price, customer)
        assert Counter((b["invoice_id"], b["track"], b["artist"], float(b["unit_price"])) for b in bought) == Counter(
            lines
        )
        prices = [float(row["unit_price"]) for row in bought]
        assert prices == sorted(prices, reverse=True)


def test_every_invoice_of_chinook_and_every_other_customer(chinook: sqlite3.Connection, db: None) -> None:
    wanted = chinook.execute(
        "SELECT InvoiceId, CustomerId, e.FirstName || ' ' || e.LastName, e.Title, e.Email FROM Invoice "
        "JOIN Customer c USING (CustomerId) JOIN Employee e ON e.EmployeeId = c.SupportRepId"
    ).fetchall()
    assert len(wanted) == 412
    for invoice, customer, name, title, email in wanted:
        (row,) = get_employee_by_invoice_and_customer(customer, invoice)["rows"]
        assert row == {"invoice_id": invoice, "employee": name, "title": title, "email": email}
        other = get_employee_by_invoice_and_customer(customer % 59 + 1, invoice)
        assert other["rows"] == []
