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
    # A line without an end would be read into memory as a whole before the reader could refuse it.
    lines = encodings.lines(path, limits.cell_characters)
    try:
        yield from csv.reader((line.replace("\0", "") for line in lines), delimiter=separator)
    except csv.Error as error:
        raise Unreadable(
            Reason.TOO_LARGE,
            f"A cell of this table has more than {limits.cell_characters:,} characters, or its quotation mark is not closed.",
        ) from error


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
