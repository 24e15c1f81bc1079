"""Chinook's SQLite file."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.db import models

from apps.musicstore.datasets.rows import TABLES, Dataset, SourceRefused, check, written_fields
from apps.musicstore.models import Playlist

NAME = "chinook"
# The file of the Chinook project, at the commit that made it as it is known here.
URL = (
    "https://raw.githubusercontent.com/lerocha/chinook-database/ac32dbc3d5b383633c3fd687934f9c719773f00d"
    "/ChinookDatabase/DataSources/Chinook_Sqlite.sqlite"
)
SHA256 = "7651ba378ac2fcd0dfc3c66fb101f7a7eed3ba39a612ec642b96e20702061f15"
LARGEST_FILE = 200 * 1024 * 1024
_SIGNATURE = b"SQLite format 3\x00"
_LARGEST_ID = 2**31 - 1
_INTEGERS = (models.IntegerField, models.ForeignKey)


def read_chinook(path: Path, source: str) -> Dataset:
    """The rows of a Chinook file. Raises SourceRefused when it is not one, is damaged, or holds what the store cannot."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise SourceRefused(f"{source} is larger than {LARGEST_FILE // 1024**2} MB: it is not Chinook.")
        content = path.read_bytes()
    except OSError as error:
        raise SourceRefused(f"{source} cannot be read: {error.strerror}.") from None
    if not content.startswith(_SIGNATURE):
        raise SourceRefused(f"{source} is not a SQLite file.")
    try:
        # Its bytes, not its path: nobody can change them underneath, and no journal beside the file is looked at.
        with closing(sqlite3.connect(":memory:")) as file:
            file.deserialize(content)
            return check(_read(file, source, hashlib.sha256(content).hexdigest()))
    except sqlite3.Error as error:
        raise SourceRefused(f"{source} is damaged: {error}.") from None


def _read(file: sqlite3.Connection, source: str, digest: str) -> Dataset:
    found = [line for (line,) in file.execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise SourceRefused(f"{source} is damaged: {found[0]}.")
    rows = {model: list(_rows(file, source, model)) for model in TABLES}
    pairs = _select(file, source, "PlaylistTrack", ["PlaylistId", "TrackId"])
    whole = (
        (_value(Playlist._meta.pk, playlist, "PlaylistTrack"), _value(Playlist._meta.pk, track, "PlaylistTrack"))
        for playlist, track in pairs
    )
    return Dataset(NAME, source, digest, rows, frozenset(whole))


def _rows(file: sqlite3.Connection, source: str, model: type[models.Model]) -> Iterator[models.Model]:
    fields = [model._meta.pk, *written_fields(model)]
    table = model.__name__
    for values in _select(file, source, table, [_column(model, field) for field in fields]):
        where = f"{table} {values[0]}"
        yield model(**{field.attname: _value(field, v, where) for field, v in zip(fields, values, strict=True)})


def _column(model: type[models.Model], field: Any) -> str:
    """Chinook's name of a field: ArtistId, SupportRepId, BillingPostalCode; a table's own id is named after it."""
    if field.primary_key:
        return f"{model.__name__}Id"
    if field.name == "reports_to":
        return "ReportsTo"
    return "".join(part.capitalize() for part in field.attname.split("_"))


def _select(file: sqlite3.Connection, source: str, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    there = {name for _, name, *_ in file.execute(f"PRAGMA table_info({table})")}
    if missing := [column for column in columns if column not in there]:
        what = f"column {table}.{missing[0]}" if there else f"table {table}"
        raise SourceRefused(f"{source} is not Chinook: it has no {what}.")
    names = ", ".join(f'"{column}"' for column in columns)
    return file.execute(f'SELECT {names} FROM "{table}" ORDER BY 1').fetchall()  # noqa: S608 - names of ours


def _value(field: Any, value: Any, where: str) -> Any:
    """A value of SQLite, where a column holds whatever was put into it, as one of the field's kind."""
    if value is None:
        return "" if isinstance(field, models.CharField) and field.blank else None
    try:
        return _converted(field, value)
    except (TypeError, ValueError, InvalidOperation):
        raise SourceRefused(f"{where}, {field.name}: {str(value)[:60]!r} is no {field.description}.") from None


def _converted(field: Any, value: Any) -> Any:
    match field:
        case models.DateTimeField():
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        case models.DateField():
            return datetime.fromisoformat(value).date()
        case models.DecimalField():
            # SQLite keeps 1.98 as the float nearest to it.
            return Decimal(str(value)).quantize(Decimal(1).scaleb(-field.decimal_places))
        case models.CharField() if isinstance(value, str):
            return value
        case _ if isinstance(field, _INTEGERS) and isinstance(value, int) and abs(value) <= _LARGEST_ID:
            return value
    raise TypeError
