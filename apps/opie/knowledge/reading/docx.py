"""Word documents: paragraphs and tables in their order, under their headings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docx
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml

from apps.opie.knowledge.reading import archive
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened, Outline
from apps.opie.knowledge.reading.rows import Table
from apps.opie.knowledge.reading.section import Section

if TYPE_CHECKING:
    from docx.document import Document

_HEADING = re.compile(r"heading ([1-9])\Z", re.I)
# Around blocks: controls that a person fills in, and changes that are kept track of.
_WRAPPERS = {qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:smartTag"), qn("w:customXml"), qn("w:moveTo")}
_PARAGRAPH, _TABLE = qn("w:p"), qn("w:tbl")
_ROW, _CELL = qn("w:tr"), qn("w:tc")
# Text that is not there any more, or there a second time for older programs.
_SKIPPED = {qn("w:del"), qn("w:moveFrom"), "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
_WRITTEN = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_TEXT = qn("w:t")
_NOTES = ("/footnotes", "/endnotes")


def read(path: Path, limits: Limits) -> Iterator[Found]:
    archive.check(path, limits)
    document = docx.Document(str(path))
    levels = _heading_levels(document)
    yield Opened(document.core_properties.title or "")
    outline = Outline()
    for block in _blocks(document.element.body):
        if block.tag == _TABLE:
            yield from outline.write(_table(block))
            continue
        level = _level(block, levels)
        text = _text(block).strip()
        yield from outline.enter(level, text) if level else outline.write(text)
    yield from _notes(document, outline)
    yield from outline.finish()


def _heading_levels(document: "Document") -> dict[str, int]:
    """The styles that are headings, by id. Their names are English in every language's Word."""
    levels = {}
    for style in document.styles:
        found = _HEADING.match(style.name or "")
        if found:
            levels[style.style_id] = int(found[1])
        elif (style.name or "").lower() == "title":
            levels[style.style_id] = 1
    return levels


def _level(paragraph: Any, levels: dict[str, int]) -> int:
    """Of a heading; 0 of any other paragraph."""
    properties = paragraph.pPr
    if properties is None:
        return 0
    outline = properties.find(qn("w:outlineLvl"))
    if outline is not None and (outline.get(qn("w:val")) or "9").isdigit():
        level = int(outline.get(qn("w:val")) or "9")
        return level + 1 if level < 9 else 0
    return levels.get(properties.style or "", 0)


def _blocks(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables, whatever they are wrapped in."""
    waiting = [iter(parent)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif child.tag in (_PARAGRAPH, _TABLE):
            yield child
        elif child.tag in _WRAPPERS:
            waiting.append(iter(child))


def _table(table: Any) -> str:
    rows = Table()
    lines = (rows.line([_text(cell) for cell in row.iter(_CELL)]) for row in _inside(table, _ROW))
    return "\n".join(line for line in lines if line)


def _inside(table: Any, tag: str) -> Iterator[Any]:
    """A table's own rows; those of a table in one of its cells are a part of the cell."""
    waiting = [iter(table)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            waiting.append(iter(child))


def _text(element: Any) -> str:
    """All text below an element, paragraphs on lines of their own."""
    parts: list[str] = []
    waiting = [iter(element)]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif child.tag == _TEXT:
            parts.append(child.text or "")
        elif child.tag in _WRITTEN:
            parts.append(_WRITTEN[child.tag])
        elif child.tag not in _SKIPPED:
            if child.tag == _PARAGRAPH and parts:
                parts.append("\n")
            waiting.append(iter(child))
    return "".join(parts)


def _notes(document: "Document", outline: Outline) -> Iterator[Section]:
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(_NOTES):
            for note in parse_xml(relation.target_part.blob):
                yield from outline.write(_text(note).strip())
