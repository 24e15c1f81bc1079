"""Plain text, paragraph by paragraph."""

from collections.abc import Iterator
from pathlib import Path

from apps.opie.knowledge.reading import encodings
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import LONGEST, Found, Opened, Outline


def read(path: Path, limits: Limits) -> Iterator[Found]:  # noqa: ARG001 - every format is read by the same call
    yield Opened()
    outline = Outline()
    paragraph: list[str] = []
    length = 0
    for line in encodings.lines(path, LONGEST):
        if line.strip() and length < LONGEST:
            paragraph.append(line)
            length += len(line)
            continue
        yield from outline.write("".join(paragraph).strip("\r\n"))
        paragraph, length = ([line], len(line)) if line.strip() else ([], 0)
    yield from outline.write("".join(paragraph).strip("\r\n"))
    yield from outline.finish()
