"""A set of rows that could be the store's, checked before anything is written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import models

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
from apps.opie.extend import InvalidInput

# In the order in which they can be written: what is pointed at comes first.
TABLES: tuple[type[models.Model], ...] = (
    *(Artist, Genre, MediaType, Album, Track, Playlist),
    *(Employee, Customer, Invoice, InvoiceLine),
)


class SourceRefused(InvalidInput):
    """What init_db was given is not Chinook, or not whole. Nothing was changed."""

    code = "source_refused"


@dataclass(frozen=True, slots=True)
class Dataset:
    """All rows of a store. `playlists` are pairs of a playlist's id and a track's."""

    name: str
    source: str
    sha256: str
    rows: Mapping[type[models.Model], Sequence[models.Model]]
    playlists: frozenset[tuple[int, int]]


def written_fields(model: type[models.Model]) -> list["models.Field[object, object]"]:
    """The fields of a table that are written, without the id and what the database works out."""
    return [field for field in model._meta.concrete_fields if not field.primary_key and not field.generated]


def check(dataset: Dataset) -> Dataset:
    """The dataset itself. Raises SourceRefused naming the first row that could not be a row of the store."""
    ids = {model: {row.pk for row in dataset.rows[model]} for model in TABLES}
    for model in TABLES:
        pointing = [field for field in written_fields(model) if field.is_relation]
        names = [field.name for field in pointing]
        for row in dataset.rows[model]:
            _check_values(row, names)
            for field in pointing:
                target = getattr(row, field.attname)
                if target is not None and target not in ids[field.related_model]:  # type: ignore[index]
                    raise SourceRefused(f"{_named(row)} points at {field.name} {target}, which is not there.")
    for playlist, track in dataset.playlists:
        if playlist not in ids[Playlist] or track not in ids[Track]:
            raise SourceRefused(f"Playlist {playlist} with track {track}: one of them is not there.")
    return dataset


def _check_values(row: models.Model, pointing: Iterable[str]) -> None:
    try:
        row.clean_fields(exclude=["id", *pointing])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise SourceRefused(f"{_named(row)}, {field}: {messages[0]}") from None


def _named(row: models.Model) -> str:
    return f"{row._meta.verbose_name} {row.pk}".capitalize()


@dataclass(frozen=True, slots=True)
class TableReport:
    """What became of one table."""

    table: str
    created: int
    updated: int
    unchanged: int

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged


Progress = Callable[[TableReport], None]
