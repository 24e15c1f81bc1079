"""What a reader of one format yields, and the headings a text stands under."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.opie.knowledge.reading.section import Location, Section, heading_path

# Long enough to be worth a message, short enough to be kept in memory many times.
LONGEST = 8000


@dataclass(frozen=True, slots=True)
class Opened:
    """The first of all: what the file calls itself, and of how many pages, slides or sheets it is, where it has any."""

    title: str = ""
    total_parts: int | None = None


@dataclass(frozen=True, slots=True)
class PartDone:
    """A page, slide or sheet is read to its end."""

    number: int
    has_text: bool = True


Found = Opened | Section | PartDone


class Outline:
    """Gathers blocks of text under headings. A heading under which nothing comes is a text itself."""

    def __init__(self) -> None:
        self._path: list[tuple[int, str]] = []
        self._blocks: list[str] = []
        self._length = 0
        self._used = True

    def enter(self, level: int, title: str) -> Iterator[Section]:
        """A heading of this level begins, 1 being the outermost."""
        if not title.strip():
            return
        deeper = bool(self._path) and level > self._path[-1][0]
        yield from self._flush()
        if not self._used and not deeper:
            yield self._heading_alone()
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, title))
        self._used = False

    def write(self, text: str) -> Iterator[Section]:
        """A block of text: a paragraph, a row, a piece of code."""
        if not text.strip():
            return
        self._blocks.append(text)
        self._length += len(text)
        self._used = True
        if self._length > LONGEST:
            yield from self._flush()

    def finish(self) -> Iterator[Section]:
        yield from self._flush()
        if not self._used:
            yield self._heading_alone()
            self._used = True

    def _flush(self) -> Iterator[Section]:
        if self._blocks:
            yield Section("\n\n".join(self._blocks), self._location())
            self._blocks, self._length = [], 0

    def _heading_alone(self) -> Section:
        titles = tuple(title for _, title in self._path)
        return Section(titles[-1], Location(heading=heading_path(titles[:-1])))

    def _location(self) -> Location:
        return Location(heading=heading_path(tuple(title for _, title in self._path)))
