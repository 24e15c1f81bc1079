"""A stretch of a document's text, and where in the document it stands."""

import re
from dataclasses import dataclass, fields
from typing import Any, Self

# Between the headings of a path, from the outermost in.
STEP = " › "

# What PostgreSQL cannot store or nobody can see: control characters except tab and newline, halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """Text that can be stored: line ends are newlines, and there are no control characters or lone surrogates."""
    return _UNSTORABLE.sub("", _LINE_ENDS.sub("\n", text))


def heading_path(titles: tuple[str, ...]) -> str:
    """Headings as one text; what separates them is not inside them."""
    return STEP.join(" ".join(title.replace(STEP.strip(), "-").split()) for title in titles if title.strip())


@dataclass(frozen=True, slots=True)
class Location:
    """Where a text stands. Pages, slides and rows count from 1, as people count; `path` is a JSON pointer."""

    page: int | None = None
    heading: str = ""
    slide: int | None = None
    sheet: str = ""
    row: int | None = None
    path: str = ""

    def as_json(self) -> dict[str, int | str]:
        """Only what is set."""
        every = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: value for name, value in every if value not in (None, "")}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The reverse of `as_json`; names that are not known are left out."""
        return cls(**{one.name: stored[one.name] for one in fields(cls) if one.name in stored})

    @property
    def headings(self) -> tuple[str, ...]:
        return tuple(self.heading.split(STEP)) if self.heading else ()


@dataclass(frozen=True, slots=True)
class Section:
    """Text that has one location. Its heading is in the location, not in the text."""

    text: str
    location: Location = Location()
