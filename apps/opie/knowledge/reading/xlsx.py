"""Excel workbooks, row by row."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.xml import DEFUSEDXML, LXML

from apps.opie.knowledge.reading import archive
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened, PartDone
from apps.opie.knowledge.reading.rows import Table
from apps.opie.knowledge.reading.section import Location, Section
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

if LXML or not DEFUSEDXML:
    raise RuntimeError("openpyxl would expand entities: it is to be used with defusedxml and without lxml")


def read(path: Path, limits: Limits) -> Iterator[Found]:
    archive.check(path, limits)
    # Opened here: by its name it would be refused where that has another ending, or none.
    with path.open("rb") as stream:
        yield from _sheets_of(openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False), limits)


def _sheets_of(book: Any, limits: Limits) -> Iterator[Found]:
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    yield Opened(book.properties.title or "", len(sheets))
    cells = 0
    for done, sheet in enumerate(sheets, start=1):
        # What a sheet says about its size need not be so.
        sheet.reset_dimensions()
        table, some_text = Table(), False
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            cells += sum(value is not None for value in row)
            if cells > limits.cells:
                raise Unreadable(
                    Reason.TOO_LARGE, f"Workbooks of up to {limits.cells:,} cells are read. Split this one."
                )
            if line := table.line(_written(row)):
                some_text = True
                yield Section(line, Location(sheet=sheet.title, row=number))
        yield PartDone(done, has_text=some_text)


def _written(row: Sequence[Any]) -> list[str]:
    return ["" if value is None else _value(value) for value in row]


def _value(value: Any) -> str:
    """As a person would write it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case float():
            return format(value, ".15g")
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(" ", "minutes")
        case date() | time():
            return value.isoformat()
    return str(value)
