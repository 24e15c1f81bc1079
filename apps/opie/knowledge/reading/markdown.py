"""Markdown: its blocks as they are written, under their headings."""

import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from apps.opie.knowledge.reading import encodings
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened, Outline
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*$", re.M)
# Where a link leads says nothing about what the text is about.
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.S)
_EMPHASIS = re.compile(r"(\*{1,3}|_{2,3}|`+|~~)(?=\S)(.+?)(?<=\S)\1")
_CODE = {"fence", "code_block"}


def read(path: Path, limits: Limits) -> Iterator[Found]:
    if path.stat().st_size > limits.whole_bytes:
        raise Unreadable(Reason.TOO_LARGE)
    text = encodings.decoded(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    title, text = _without_front_matter(text)
    lines = text.split("\n")
    # Blocks only: what is inside a paragraph is kept as it was written.
    blocks = [one for one in _parser().parse(text) if one.level == 0 and one.map and one.nesting >= 0]
    yield Opened(title or _first_title(blocks, lines))
    outline = Outline()
    for block in blocks:
        if block.type == "heading_open":
            yield from outline.enter(int(block.tag[1]), _heading(block, lines))
        else:
            yield from outline.write(_block(block, lines))
    yield from outline.finish()


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])


def _without_front_matter(text: str) -> tuple[str, str]:
    found = _FRONT_MATTER.match(text)
    if not found:
        return "", text
    title = _TITLE.search(found[1])
    return (title[1] if title else ""), text[found.end() :]


def _first_title(blocks: list[Token], lines: list[str]) -> str:
    first = next((one for one in blocks if one.type == "heading_open"), None)
    return _heading(first, lines) if first is not None and first.tag == "h1" else ""


def _heading(block: Token, lines: list[str]) -> str:
    written = _source(block, lines).strip()
    if block.markup[:1] == "#":
        written = written.lstrip("#").rstrip().removesuffix(block.markup).strip()
    else:
        written = written.rsplit("\n", 1)[0]
    return _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", written))


def _block(block: Token, lines: list[str]) -> str:
    if block.type == "hr":
        return ""
    written = _source(block, lines)
    if block.type in _CODE:
        return written
    if block.type == "html_block":
        return _TAG.sub("", written).strip()
    return _LINK.sub(r"\1", written)


def _source(block: Token, lines: list[str]) -> str:
    begin, end = block.map or [0, 0]
    return "\n".join(lines[begin:end]).strip("\n")
