"""The tools agree with SQL over the whole of Chinook, as its file has it."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

from apps.musicstore.answers import answer_catalogue
from apps.musicstore.calls import SONGS_OF, Call
from apps.musicstore.money import amount_of
from apps.musicstore.names import squeeze
from apps.musicstore.several import each_meant
from apps.musicstore.tools.catalogue import (
    check_for_songs,
    get_albums_by_artist,
    get_songs_by_genre,
    get_tracks_by_album,
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


def test_every_album_of_chinook(chinook: sqlite3.Connection, db: None) -> None:
    """By its title, with and without its artist, with a letter left out, and in a sentence without any model."""
    albums = chinook.execute("SELECT AlbumId, Title, r.Name FROM Album JOIN Artist r USING (ArtistId)").fetchall()
    assert len(albums) == 347
    for album, title, artist in albums:
        wanted = chinook.execute("SELECT Name, Milliseconds / 60000 FROM Track WHERE AlbumId = ?", [album]).fetchall()
        rows = every_row(get_tracks_by_album, title)
        found = Counter((row["track"], int(row["length"].split(":")[0])) for row in rows)
        assert found == Counter(wanted), title
        assert {(row["album"], row["artist"]) for row in rows} == {(title, artist)}
    missed = []
    for _, title, artist in albums[::3]:
        theirs = get_tracks_by_album(title, artist=artist, page_size=1)
        assert theirs["albums"] == [{"album": title, "artist": artist}]
        asked = answer_catalogue(f"Which songs are on the album “{title}”?").text
        assert asked.startswith(f"The store has the album {title} by {artist}, with {theirs['total']} song"), asked
        middle = len(title) // 2
        if title not in str(get_tracks_by_album(title[:middle] + title[middle + 1 :], page_size=1)):
            missed.append(title)
    assert len(missed) <= len(albums) // 150, missed


def test_every_two_artists_in_one_sentence_are_two_and_every_one_is_one(chinook: sqlite3.Connection, db: None) -> None:
    names = [
        name
        for (name,) in chinook.execute(
            "SELECT Name FROM Artist WHERE ArtistId IN (SELECT ArtistId FROM Album) ORDER BY Name"
        )
    ]
    whole = [name for name in names if any(word in name for word in (" & ", " and ", ", ", " e ", " E "))]
    assert len(whole) > 30
    for name in whole:
        assert each_meant(Call(SONGS_OF, {"artist": name})) == Call(SONGS_OF, {"artist": name})
    for one, other in zip(names[::8], names[4::8], strict=False):
        call = each_meant(Call(SONGS_OF, {"artist": f"{one} & {other}"}))
        assert call.arguments["artist"] == [one, other]


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
        found = [
            (row["invoice_id"], row["date"], float(amount_of(row["total"])), row["number_of_items"]) for row in rows
        ]
        assert found == wanted
        assert all(len(row["items"]) == row["number_of_items"] for row in rows)
        lines = chinook.execute(
            "SELECT i.InvoiceId, t.Name, r.Name, l.UnitPrice FROM InvoiceLine l JOIN Invoice i USING (InvoiceId) "
            "JOIN Track t USING (TrackId) JOIN Album USING (AlbumId) JOIN Artist r USING (ArtistId) WHERE CustomerId = ?",
            [customer],
        ).fetchall()
        bought = every_row(get_invoices_sorted_by_unit_price, customer)
        assert Counter(
            (b["invoice_id"], b["track"], b["artist"], float(amount_of(b["unit_price"]))) for b in bought
        ) == Counter(lines)
        prices = [float(amount_of(row["unit_price"])) for row in bought]
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
