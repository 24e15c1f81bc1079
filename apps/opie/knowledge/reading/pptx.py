"""PowerPoint presentations, slide by slide, with what the speaker notes."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pptx
from pptx.shapes.base import BaseShape

from apps.opie.knowledge.reading import archive
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened, PartDone
from apps.opie.knowledge.reading.rows import Table
from apps.opie.knowledge.reading.section import Location, Section, heading_path

_DEEPEST = 20


def read(path: Path, limits: Limits) -> Iterator[Found]:
    archive.check(path, limits)
    presentation = pptx.Presentation(str(path))
    slides = list(presentation.slides)
    yield Opened(presentation.core_properties.title or "", len(slides))
    for number, slide in enumerate(slides, start=1):
        title = _title(slide)
        text = "\n\n".join(_texts(slide.shapes, title_id=_title_id(slide))).strip()
        location = Location(slide=number, heading=heading_path((title,)))
        if text:
            yield Section(text, location)
        elif title:
            # Nothing but a title: that is the text then.
            yield Section(title, Location(slide=number))
        notes = _notes(slide)
        if notes:
            yield Section(notes, location)
        yield PartDone(number, has_text=bool(text or title or notes))


def _title(slide: Any) -> str:
    shape = slide.shapes.title
    return " ".join(shape.text_frame.text.split()) if shape is not None and shape.has_text_frame else ""


def _title_id(slide: Any) -> int | None:
    shape = slide.shapes.title
    return shape.shape_id if shape is not None else None


def _notes(slide: Any) -> str:
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    return frame.text.strip() if frame is not None else ""


def _texts(shapes: Iterable[BaseShape], title_id: int | None = None, depth: int = 0) -> Iterator[str]:
    """Of every shape, those in groups too."""
    for shape in shapes:
        if shape.shape_id == title_id or depth > _DEEPEST:
            continue
        inner = getattr(shape, "shapes", None)
        if inner is not None:
            yield from _texts(inner, depth=depth + 1)
        elif getattr(shape, "has_table", False):
            yield _table(shape.table)  # type: ignore[attr-defined] # a graphic frame, as has_table says
        elif shape.has_text_frame and shape.text_frame.text.strip():  # type: ignore[attr-defined] # the same
            yield shape.text_frame.text.strip()  # type: ignore[attr-defined]


def _table(table: Any) -> str:
    rows = Table()
    lines = (rows.line([cell.text for cell in row.cells]) for row in table.rows)
    return "\n".join(line for line in lines if line)
