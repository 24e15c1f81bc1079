"""SQL in pieces that carry their own parameters."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Sql:
    """Text with a %s for each of `values`, in order. What is written into the text must be SQL of our own."""

    text: str
    values: tuple[Any, ...] = ()

    def __add__(self, other: "Sql") -> "Sql":
        return Sql(self.text + other.text, self.values + other.values)

    @classmethod
    def of(cls, rows: "QuerySet[Any, Any]") -> "Sql":
        """The statement that a queryset would send. Raises EmptyResultSet when it can find nothing."""
        text, values = rows.query.sql_with_params()
        return cls(text, tuple(values))


def joined(between: str, pieces: Iterable[Sql]) -> Sql:
    pieces = list(pieces)
    return Sql(between.join(piece.text for piece in pieces), tuple(v for piece in pieces for v in piece.values))


def as_dicts(cursor: Any) -> list[dict[str, Any]]:
    """The rows of a statement that was sent, by the names of its columns."""
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
