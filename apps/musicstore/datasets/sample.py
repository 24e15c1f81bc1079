"""The small store that ships: sample.yaml, read into the rows that it describes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from django.db import models

from apps.musicstore.datasets.rows import TABLES, Dataset, check
from apps.musicstore.models import (
    Album,
    Artist,
    Customer,
    Employee,
    Genre,
    Invoice,
    InvoiceLine,
    MediaType,
    Playlist,
    Track,
)

NAME = "sample"
FILE = Path(__file__).with_name("sample.yaml")
_PRICE = Decimal("0.99")
_BYTES_A_SECOND = 32_000


def read_sample() -> Dataset:
    """The sample as a dataset. Ids follow the order in the file, so new rows go to the ends of its lists."""
    content = FILE.read_bytes()
    told = yaml.safe_load(content)
    sample = _Sample()
    sample.read_catalogue(told)
    sample.read_people(told)
    sample.read_invoices(told["invoices"])
    digest = hashlib.sha256(content).hexdigest()
    return check(Dataset(NAME, FILE.name, digest, sample.rows, frozenset(sample.on_playlists(told["playlists"]))))


@dataclass
class _Sample:
    rows: dict[type[models.Model], list[models.Model]] = field(default_factory=lambda: {model: [] for model in TABLES})
    tracks: dict[str, Track] = field(default_factory=dict)

    def add(self, model: type[models.Model], **values: Any) -> Any:
        row = model(id=len(self.rows[model]) + 1, **values)
        self.rows[model].append(row)
        return row

    def read_catalogue(self, told: dict[str, Any]) -> None:
        genres = {name: self.add(Genre, name=name) for name in told["genres"]}
        media = [self.add(MediaType, name=name) for name in told["media_types"]]
        for name, albums in told["artists"].items():
            artist = self.add(Artist, name=name)
            for title, (genre, tracks) in albums.items():
                album = self.add(Album, title=title, artist_id=artist.pk)
                for track, (length, composer) in tracks.items():
                    self.tracks[track] = self._track(track, album, genres[genre], media[0], length, composer)

    def _track(self, name: str, album: Any, genre: Any, media: Any, length: str, composer: str) -> Track:
        minutes, seconds = map(int, length.split(":"))
        whole = minutes * 60 + seconds
        track: Track = self.add(
            Track, name=name, album_id=album.pk, genre_id=genre.pk, media_type_id=media.pk, composer=composer,
            milliseconds=whole * 1000, bytes=whole * _BYTES_A_SECOND, unit_price=_PRICE,
        )  # fmt: skip
        return track

    def read_people(self, told: dict[str, Any]) -> None:
        for person in told["employees"]:
            self.add(Employee, **person)
        for person in told["customers"]:
            self.add(Customer, **person)

    def read_invoices(self, told: list[dict[str, Any]]) -> None:
        customers = {row.pk: row for row in self.rows[Customer]}
        for one in told:
            customer: Any = customers[one["customer"]]
            day: date = one["date"]
            invoice = self.add(
                Invoice, customer_id=customer.pk, invoice_date=datetime(day.year, day.month, day.day, tzinfo=UTC),
                billing_address=customer.address, billing_city=customer.city, billing_state=customer.state,
                billing_country=customer.country, billing_postal_code=customer.postal_code, total=Decimal(0),
            )  # fmt: skip
            for name in one["tracks"]:
                price = Decimal(str(one.get("price", _PRICE)))
                self.add(
                    InvoiceLine, invoice_id=invoice.pk, track_id=self.tracks[name].pk, unit_price=price, quantity=1
                )
                invoice.total += price

    def on_playlists(self, told: dict[str, list[str]]) -> Iterator[tuple[int, int]]:
        for name, tracks in told.items():
            playlist = self.add(Playlist, name=name)
            yield from ((playlist.pk, self.tracks[track].pk) for track in tracks)
