"""init_db: all of a dataset or nothing, and only what is Chinook."""

import hashlib
import io
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.musicstore.datasets import download
from apps.musicstore.datasets.chinook import SHA256
from apps.musicstore.models import Album, Artist, Customer, Employee, Genre, Invoice, InvoiceLine, Playlist, Track

FULL = {
    Artist: 275, Album: 347, Track: 3503, Genre: 25, Customer: 59, Invoice: 412, InvoiceLine: 2240, Employee: 8,
}  # fmt: skip


def init_db(*arguments: Any) -> str:
    out = io.StringIO()
    call_command("init_db", *arguments, stdout=out)
    return out.getvalue()


def counts() -> dict[Any, int]:
    return {model: model._default_manager.count() for model in FULL}


@pytest.fixture
def changed(chinook_file: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of Chinook in which a statement was run."""

    def copy(statement: str) -> Path:
        path = tmp_path / "changed.sqlite"
        shutil.copy(chinook_file, path)
        path.chmod(0o600)
        with closing(sqlite3.connect(path)) as file:
            file.execute(statement)
            file.commit()
        return path

    return copy


def test_the_sample_is_loaded_once(db: None) -> None:
    said = init_db()
    assert "Loading the sample dataset" in said
    first = counts()
    assert (first[Artist], first[Album], first[Customer], first[Invoice], first[Employee]) == (15, 25, 6, 12, 3)
    assert first[Track] >= 80
    assert Artist.objects.get(name="Motörhead").folded == "motorhead"
    assert sum(invoice.total for invoice in Invoice.objects.all()) == sum(
        line.amount for line in InvoiceLine.objects.all()
    )
    assert "\n0 created, 0 updated" in init_db()
    assert counts() == first


def test_what_was_changed_is_put_back_and_what_was_added_stays(sample: None) -> None:
    Track.objects.filter(pk=1).update(name="Hell's Bells?")
    own = Artist.objects.create(name="A local band")
    assert own.pk == 16
    entry = Playlist.tracks.through._default_manager.create(playlist_id=1, track_id=1)
    assert "0 created, 2 updated" in init_db()
    assert Track.objects.get(pk=1).name == "Hells Bells"
    assert Artist.objects.filter(pk=own.pk).exists()
    assert not Playlist.tracks.through._default_manager.filter(pk=entry.pk).exists()


def test_quiet_says_nothing(db: None) -> None:
    assert init_db("--quiet") == ""
    assert Artist.objects.count() == 15


def test_chinook_takes_the_place_of_the_sample(sample: None, chinook_file: Path) -> None:
    said = init_db("--source", str(chinook_file))
    assert "Loading the chinook dataset" in said
    assert counts() == FULL
    assert Playlist.tracks.through._default_manager.count() == 8715
    assert "\n0 created, 0 updated" in init_db("--source", str(chinook_file))
    # Without a source, the sample does not come back over it.
    assert "Nothing to do" in init_db()
    assert counts() == FULL
    assert Artist.objects.create(name="New").pk == 276


def test_every_value_is_as_in_the_file(db: None, chinook_file: Path) -> None:
    init_db("--source", str(chinook_file), "--quiet")
    with closing(sqlite3.connect(f"{chinook_file.as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        tracks = file.execute(
            "SELECT TrackId, Name, AlbumId, MediaTypeId, GenreId, coalesce(Composer, ''), Milliseconds, Bytes, "
            "round(UnitPrice * 100) FROM Track ORDER BY 1"
        ).fetchall()
        people = file.execute(
            "SELECT CustomerId, FirstName, LastName, coalesce(Phone, ''), Email, SupportRepId FROM Customer ORDER BY 1"
        ).fetchall()
        invoices = file.execute(
            "SELECT InvoiceId, CustomerId, substr(InvoiceDate, 1, 10), BillingCity, round(Total * 100) FROM Invoice"
        ).fetchall()
    mine = Track.objects.order_by("id").values_list(
        *("id", "name", "album_id", "media_type_id", "genre_id", "composer", "milliseconds", "bytes", "unit_price")
    )
    assert [(*rest, price * 100) for *rest, price in mine] == tracks
    theirs = Customer.objects.order_by("id").values_list(
        "id", "first_name", "last_name", "phone", "email", "support_rep_id"
    )
    assert list(theirs) == people
    kept = Invoice.objects.order_by("id").values_list("id", "customer_id", "invoice_date", "billing_city", "total")
    assert [(a, b, f"{day:%Y-%m-%d}", city, total * 100) for a, b, day, city, total in kept] == invoices


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DROP TABLE PlaylistTrack", "is not Chinook: it has no table PlaylistTrack"),
        ("ALTER TABLE Track DROP COLUMN Milliseconds", "is not Chinook: it has no column Track.Milliseconds"),
        ("UPDATE Track SET UnitPrice = 'cheap' WHERE TrackId = 7", "Track 7, unit_price: 'cheap'"),
        ("UPDATE Track SET UnitPrice = -1 WHERE TrackId = 7", "Track 7, unit_price"),
        ("UPDATE Invoice SET InvoiceDate = 'soon' WHERE InvoiceId = 9", "Invoice 9, invoice_date: 'soon'"),
        ("UPDATE Album SET ArtistId = 999 WHERE AlbumId = 3", "Album 3 points at artist 999"),
        ("UPDATE Artist SET Name = NULL WHERE ArtistId = 3", "Artist 3, name"),
        ("UPDATE Customer SET Email = 'luisg@EMBRAER.com.br' WHERE CustomerId = 2", "musicstore_customer_email_is_one"),
        ("UPDATE Employee SET ReportsTo = EmployeeId WHERE EmployeeId = 2", "musicstore_employee_not_own_superior"),
        ("INSERT INTO PlaylistTrack VALUES (99, 1)", "Playlist 99"),
    ],
)
def test_what_is_not_chinook_is_refused_whole(
    sample: None, changed: Callable[[str], Path], statement: str, reason: str
) -> None:
    before = counts()
    with pytest.raises(CommandError, match=re.escape(reason)):
        init_db("--source", str(changed(statement)))
    assert counts() == before
    assert Artist.objects.get(pk=2).name == "Led Zeppelin"


def test_a_damaged_file_is_refused(sample: None, chinook_file: Path, tmp_path: Path) -> None:
    content = bytearray(chinook_file.read_bytes())
    content[40_000:90_000] = b"\xff" * 50_000
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(content)
    with pytest.raises(CommandError, match="is damaged"):
        init_db("--source", str(damaged))
    damaged.write_bytes(chinook_file.read_bytes()[:300_000])
    with pytest.raises(CommandError, match="is damaged"):
        init_db("--source", str(damaged))
    assert Artist.objects.count() == 15


def test_what_is_no_file_of_sqlite_is_refused(sample: None, tmp_path: Path) -> None:
    text = tmp_path / "chinook.sqlite"
    text.write_text("CREATE TABLE Artist")
    with pytest.raises(CommandError, match="is not a SQLite file"):
        init_db("--source", str(text))
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        init_db("--source", str(tmp_path / "none.sqlite"))
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        init_db("--source", str(tmp_path))


def test_rows_from_elsewhere_are_not_written_over(db: None) -> None:
    Artist.objects.create(name="Somebody")
    with pytest.raises(CommandError, match="init_db did not write"):
        init_db()
    assert list(Artist.objects.values_list("name", flat=True)) == ["Somebody"]


@pytest.fixture
def served() -> Iterator[dict[str, bytes]]:
    """What an HTTP server of this test answers, by path; its address is under "url"."""
    answers: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = answers.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    answers["url"] = f"http://127.0.0.1:{server.server_port}".encode()
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_known_file_is_taken_from_an_address(db: None, chinook_file: Path, served: dict[str, bytes]) -> None:
    served["/chinook"] = chinook_file.read_bytes()
    assert hashlib.sha256(served["/chinook"]).hexdigest() == SHA256
    init_db("--quiet", "--source", served["url"].decode() + "/chinook")
    assert counts() == FULL


def test_an_address_with_anything_else_is_refused(
    sample: None, served: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = served["url"].decode()
    served["/other"] = b"SQLite format 3\x00 and more"
    with pytest.raises(CommandError, match="is not the Chinook file that is known here"):
        init_db("--source", f"{url}/other")
    with pytest.raises(CommandError, match="answered 404"):
        init_db("--source", f"{url}/nothing")
    with pytest.raises(CommandError, match="cannot be fetched"):
        init_db("--source", "http://127.0.0.1:1/chinook")
    monkeypatch.setattr(download, "LARGEST_FILE", 10)
    with pytest.raises(CommandError, match="is larger than"):
        init_db("--source", f"{url}/other")
    assert Artist.objects.count() == 15
