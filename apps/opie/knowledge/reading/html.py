"""Web pages: what there is to read on them, under its headings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from apps.opie.knowledge.reading import encodings
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened, Outline
from apps.opie.knowledge.reading.rows import Table
from apps.opie.knowledge.reading.section import Section
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

_LEFT_OUT = {
    *("script", "style", "noscript", "template", "head", "nav", "aside", "footer", "dialog", "iframe", "object"),
    *("embed", "svg", "math", "canvas", "audio", "video", "map", "button", "select", "textarea", "input", "datalist"),
}
_ROLES_LEFT_OUT = {"navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alert", "menu"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = {
    *("address", "article", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset"),
    *("figcaption", "figure", "form", "header", "hr", "html", "legend", "li", "main", "ol", "p", "pre", "section"),
    *("summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
_OF_LAYOUT = ".//table | .//h1 | .//h2 | .//h3 | .//ul | .//ol | .//td/p[2]"
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_SPACE = re.compile(r"\s+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_:.-]{2,40})", re.I)
# As browsers take the names of older encodings: the larger one that contains them.
_TAKEN_AS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}


def read(path: Path, limits: Limits) -> Iterator[Found]:
    if path.stat().st_size > limits.whole_bytes:
        raise Unreadable(Reason.TOO_LARGE)
    root = _parsed(path.read_bytes())
    if root is None:
        raise Unreadable(Reason.NO_TEXT)
    yield Opened(_title(root))
    main = root.find(".//main")
    if main is None:
        main = next(iter(root.xpath('//*[@role="main"]')), None)
    some_text = False
    for section in _Page().sections(main if main is not None else root):
        some_text = True
        yield section
    if main is not None and not some_text:
        yield from _Page().sections(root)


def _parsed(content: bytes) -> Any:
    text = encodings.decoded(content, _declared(content))
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    return etree.fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser) if text.strip() else None


def _declared(content: bytes) -> str:
    """The encoding the page names, where it is one that there is."""
    found = _CHARSET.search(content[:4096])
    if not found:
        return ""
    try:
        name = codecs.lookup(found[1].decode("ascii")).name
        "".encode(name)
    except LookupError:
        return ""
    # A page that can be read up to here is not in one of those.
    if name.startswith(("utf-16", "utf-32")):
        return ""
    return _TAKEN_AS.get(name, name)


def _title(root: Any) -> str:
    for name in (".//title", ".//h1"):
        found = root.find(name)
        if found is not None and (text := "".join(found.itertext()).strip()):
            return text
    return ""


class _Page:
    """One walk through a page, from its first element to its last."""

    def __init__(self) -> None:
        self._outline = Outline()
        self._text: list[str] = []
        # How many elements are around inside which the space counts, and of which everything is one text.
        self._preformatted = 0
        self._whole = 0
        # The tables around; nothing for one that only lays the page out.
        self._tables: list[Table | None] = []
        self._cells: list[str] = []

    def sections(self, root: Any) -> Iterator[Section]:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            left_out = _is_left_out(element)
            if event == "start" and left_out:
                walk.skip_subtree()
            elif event == "start":
                yield from self._begin(element)
            else:
                if not left_out:
                    yield from self._end(element)
                if element is not root:
                    self._write(element.tail)
        yield from self._paragraph()
        yield from self._outline.finish()

    def _begin(self, element: Any) -> Iterator[Section]:
        tag = element.tag
        if tag in _HEADINGS or tag in _BLOCKS:
            yield from self._paragraph()
        if tag == "table":
            layout = element.get("role") == "presentation" or element.xpath(_OF_LAYOUT)
            self._tables.append(None if layout else Table())
        self._preformatted += tag == "pre"
        self._whole += self._is_whole(tag)
        if tag == "br":
            self._text.append("\n")
        elif tag == "li":
            self._text.append("- ")
        self._write(element.text)

    def _end(self, element: Any) -> Iterator[Section]:
        tag = element.tag
        if self._is_whole(tag):
            self._whole -= 1
            if tag in _HEADINGS:
                title = " ".join(self._taken().split())
                yield from self._outline.enter(_HEADINGS[tag], title) if not self._whole else self._again(title)
            else:
                self._cells.append(self._taken())
        elif tag == "tr" and self._table is not None:
            line, self._cells = self._table.line(self._cells), []
            yield from self._outline.write(line)
        elif tag in _BLOCKS:
            yield from self._paragraph()
        self._preformatted -= tag == "pre"
        if tag == "table":
            self._tables.pop()

    @property
    def _table(self) -> Table | None:
        return self._tables[-1] if self._tables else None

    def _is_whole(self, tag: str) -> bool:
        return tag in _HEADINGS or (tag in ("td", "th") and self._table is not None)

    def _again(self, title: str) -> Iterator[Section]:
        """A small heading in a cell is a part of its text."""
        self._text.append(f"{title} ")
        yield from ()

    def _write(self, text: str | None) -> None:
        if text:
            self._text.append(text if self._preformatted else _SPACE.sub(" ", text))

    def _taken(self) -> str:
        text, self._text = "".join(self._text), []
        if self._preformatted:
            return text.strip("\n")
        return "\n".join(line.strip() for line in text.split("\n")).strip()

    def _paragraph(self) -> Iterator[Section]:
        if self._whole:
            self._text.append(" ")
            return
        text = self._taken()
        if text not in ("", "-"):
            yield from self._outline.write(text)


def _is_left_out(element: Any) -> bool:
    if element.tag in _LEFT_OUT:
        return True
    get = element.get
    hidden = get("hidden") is not None or get("aria-hidden") == "true" or bool(_HIDDEN.search(get("style") or ""))
    return hidden or (get("role") or "").lower() in _ROLES_LEFT_OUT
