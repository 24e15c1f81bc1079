"""From sections to chunks: stretches of text that are embedded, searched and shown as one.

A chunk is about 1,000 characters, which the local model reads as a whole. Writing that puts a word into a character or
two is cut to half of that. Chunks begin with the last sentence or two of the one before.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from apps.opie.knowledge.reading.section import STEP, Location, Section

TARGET = 1000
LONGEST = 1600
# Of the target: what a chunk may be longer to leave no scrap behind it, how early it may be cut, what is repeated.
_SLACK = 1.2
_EARLIEST = 0.5
_OVERLAP = 0.2
# An introduction shorter than this is put to the text under the heading that follows it.
_SMALL = 200

_DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SENTENCE_END = re.compile(r"""[.!?…؟۔।॥။።]+["'»”’)\]]*\s+|[。！？｡．][」』”’）]*|\n""")
_SPACE = re.compile(r"\s+")
# Space is bounded, so that a chunk is never space alone.
_EMPTY_LINES = re.compile(r"[^\S\n]*\n(?:[^\S\n]*\n)+")
_WIDE = re.compile(r"([^\S\n]{40})[^\S\n]+")
# Beside the signs that Unicode calls marks: what joins emoji and changes their look, and vowels that follow in Thai and Lao.
_JOINER = "\u200d"
_CLINGING = "\u200d\ufe0e\ufe0f\u0e33\u0eb3\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is what is shown; `searched_text`, what is embedded and searched. The first `overlap` characters of the
    text are also the end of the chunk before."""

    text: str
    location: Location
    position: int
    title: str = ""
    overlap: int = 0

    @property
    def heading(self) -> str:
        return self.location.heading

    @property
    def context(self) -> str:
        """What the text is a part of: the document's title and the headings."""
        headings = self.location.headings
        titled = bool(self.title) and self.title != (headings[0] if headings else "")
        return STEP.join([*([self.title] if titled else []), *headings])

    @property
    def searched_text(self) -> str:
        context = self.context
        return f"{context}\n{self.text}" if context else self.text

    @property
    def digest(self) -> str:
        """Equal for chunks that need not be embedded again."""
        return hashlib.sha256(self.searched_text.encode("utf-8", "replace")).hexdigest()


def chunks_of(sections: Iterable[Section], title: str = "") -> Iterator[Chunk]:
    """The chunks of a document, in its order."""
    chunker = Chunker(title)
    for section in sections:
        yield from chunker.add(section)
    yield from chunker.finish()


class Chunker:
    """The same, for sections that come one by one. Holds less than three chunks of text besides what is added."""

    def __init__(self, title: str = "") -> None:
        self._title = title
        self._position = 0
        self._text = ""
        # How much of the text stood in the chunk before, and from where on it stands elsewhere in the document.
        self._overlap = 0
        self._marks: list[tuple[int, Location]] = []

    def add(self, section: Section) -> list[Chunk]:
        """The chunks that are certain now."""
        text = _WIDE.sub(r"\1", _EMPTY_LINES.sub("\n\n", section.text)).strip()
        if not text:
            return []
        chunks = [] if self._belongs(section.location) else self._flush()
        self._append(text, section.location)
        while len(self._text) > 2 * _target(self._text):
            chunks.append(self._cut(_target(self._text)))
        return chunks

    def finish(self) -> list[Chunk]:
        """The chunks that are left."""
        return self._flush()

    def _belongs(self, location: Location) -> bool:
        """Whether a text there may stand in one chunk with what is held."""
        if not self._marks:
            return True
        last = self._marks[-1][1]
        if _place(last) != _place(location):
            return False
        if last.heading == location.heading:
            return True
        first = self._marks[0][1].headings
        under = bool(first) and location.headings[: len(first)] == first
        return under and len(self._text) < _SMALL

    def _append(self, text: str, location: Location) -> None:
        if self._text:
            before = self._marks[-1][1]
            self._text += "\n" if location.row and before.row else "\n\n"
            if location.heading != before.heading:
                # Only of a heading that is deeper than the chunk's own: it would be nowhere else.
                deeper = location.headings[len(self._marks[0][1].headings) :]
                text = "\n".join([*([STEP.join(deeper)] if deeper else []), text])
        self._marks.append((len(self._text), location))
        self._text += text

    def _flush(self) -> list[Chunk]:
        chunks = []
        while len(self._text) > (target := _target(self._text)) * _SLACK:
            chunks.append(self._cut(min(target, len(self._text) // 2 + int(_OVERLAP * target))))
        if len(self._text) > self._overlap:
            chunks.append(self._chunk(len(self._text)))
        self._text, self._overlap, self._marks = "", 0, []
        return chunks

    def _cut(self, most: int) -> Chunk:
        """Takes a chunk of at most so many characters from the start, and leaves its last sentences there."""
        earliest = max(int(most * _EARLIEST), self._overlap + 1)
        end = _best_end(self._text, earliest, most)
        chunk = self._chunk(end)
        begin = _overlap_begin(self._text, end, int(_OVERLAP * _target(self._text)))
        fresh = end + _space_at(self._text, end)
        held = [mark for mark in self._marks if mark[0] <= fresh][-1:]
        later = [mark for mark in self._marks if mark[0] > fresh]
        self._overlap = fresh - begin
        self._marks = [(max(0, at - begin), location) for at, location in held + later]
        self._text = self._text[begin:]
        return chunk

    def _chunk(self, end: int) -> Chunk:
        covered = [where for at, where in self._marks if at < end]
        # The last mark before what is new says where that stands.
        first = [where for at, where in self._marks if at <= self._overlap][-1]
        location = replace(first, heading=STEP.join(_shared([first, *covered])))
        chunk = Chunk(self._text[:end].rstrip(), location, self._position, self._title, self._overlap)
        self._position += 1
        return chunk


def _place(location: Location) -> tuple[object, ...]:
    """What no chunk reaches across, besides the outermost heading."""
    return location.page, location.slide, location.sheet, location.headings[:1]


def _shared(locations: list[Location]) -> tuple[str, ...]:
    """The headings that all of them stand under."""
    shared = locations[0].headings
    for location in locations[1:]:
        while location.headings[: len(shared)] != shared:
            shared = shared[:-1]
    return shared


def _target(text: str) -> int:
    """How long a chunk of such writing should be."""
    dense = len(_DENSE.findall(text[: 2 * TARGET]))
    return TARGET - (TARGET // 2) * dense // max(1, len(text[: 2 * TARGET]))


def _best_end(text: str, earliest: int, most: int) -> int:
    """Where to cut: after a paragraph, a line, a sentence or a word, whatever comes first in this list."""
    for mark in ("\n\n", "\n"):
        if (at := text.rfind(mark, earliest, most)) >= 0:
            return at
    sentence = 0
    for found in _SENTENCE_END.finditer(text, earliest, most + 1):
        sentence = found.end()
    if sentence:
        return min(sentence, most)
    word = 0
    for found in _SPACE.finditer(text, earliest, most + 1):
        word = found.start()
    return word or _between_letters(text, earliest, most)


def _between_letters(text: str, earliest: int, most: int) -> int:
    """No accent or vowel sign is cut off the letter that it is written on."""
    end = most
    while end > earliest and (
        unicodedata.category(text[end])[0] == "M" or text[end] in _CLINGING or text[end - 1] == _JOINER
    ):
        end -= 1
    return end if end > earliest else most


def _overlap_begin(text: str, end: int, most: int) -> int:
    """Where the last sentence or two before `end` begin; with none so short, some of the last words."""
    last = len(text[:end].rstrip())
    for found in _SENTENCE_END.finditer(text, max(0, end - most), last):
        if found.end() < last:
            return found.end()
    for found in _SPACE.finditer(text, max(0, end - most // 2), last):
        return found.end()
    return end + _space_at(text, end)


def _space_at(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() - at if found else 0
