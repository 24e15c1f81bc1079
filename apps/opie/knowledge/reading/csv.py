"""Tables of values separated by commas, or by whatever the file separates them by."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from apps.opie.knowledge.reading import encodings
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened
from apps.opie.knowledge.reading.rows import Table
from apps.opie.knowledge.reading.section import Location, Section
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

_SEPARATORS = ",;\t|"
_SAMPLED_LINES = 30


def read(path: Path, limits: Limits) -> Iterator[Found]:
    yield Opened()
    table, cells = Table(), 0
    for number, row in enumerate(_rows(path, limits), start=1):
        cells += len(row)
        if cells > limits.cells:
            raise Unreadable(Reason.TOO_LARGE, f"Tables of up to {limits.cells:,} cells are read. Split this one.")
        if line := table.line(row):
            yield Section(line, Location(row=number))


def _rows(path: Path, limits: Limits) -> Iterator[list[str]]:
    csv.field_size_limit(limits.cell_characters)
    separator = _separator(path, limits)
    try:
        yield from csv.reader(_lines(path, limits), delimiter=separator)
    except csv.Error as error:
        raise _too_large_cell(limits) from error


def _lines(path: Path, limits: Limits) -> Iterator[str]:
    """A line without an end would be held in memory before the table's reader could refuse it."""
    for line in encodings.lines(path, limits.cell_characters):
        if len(line) == limits.cell_characters:
            raise _too_large_cell(limits)
        yield line.replace("\0", "")


def _too_large_cell(limits: Limits) -> Unreadable:
    return Unreadable(
        Reason.TOO_LARGE,
        f"A line or cell of this table has more than {limits.cell_characters:,} characters, "
        "or the quotation mark before it is not closed.",
    )


def _separator(path: Path, limits: Limits) -> str:
    """The one that makes the most columns in which the first lines agree."""
    sample = list(islice(encodings.lines(path, limits.cell_characters), _SAMPLED_LINES))
    return max(_SEPARATORS, key=lambda separator: _agreement(sample, separator))


def _agreement(sample: list[str], separator: str) -> float:
    try:
        widths = [len(row) for row in csv.reader(sample, delimiter=separator) if row]
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    usual = max(set(widths), key=widths.count)
    return 0.0 if usual < 2 else widths.count(usual) / len(widths) + usual / 1000
