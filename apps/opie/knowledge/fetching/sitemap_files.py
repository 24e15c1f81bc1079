"""Reading the file of a sitemap: XML, an index of others, or a list of addresses; packed or not.

Everything in it was written by a stranger. The XML has no document type, so that it cannot name entities; it is read
piece by piece, and no longer than it has to be.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.parsers import expat

from apps.opie.knowledge.fetching.body import Gunzip
from apps.opie.knowledge.fetching.urls import LONGEST_URL

PIECE = 2**16
# Expat looks at an unfinished tag again with every piece that comes: a tag without an end must not go on for megabytes.
LONGEST_TOKEN = 2**18
_ROOTS = {"urlset": "url", "sitemapindex": "sitemap"}


class NotASitemap(Exception):  # noqa: N818 - it reads as what happened
    """A file that lists no addresses, or does so in a way that is not read."""


@dataclass(slots=True)
class Listing:
    """What one file lists: (address, when it changed) of pages, and the addresses of other sitemaps."""

    pages: list[tuple[str, datetime | None]] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pages) + len(self.sitemaps)


def read_sitemap(path: Path, *, most: int, most_bytes: int) -> Listing:
    """What the file lists, the first `most` of it, unpacked to no more than `most_bytes`. Raises NotASitemap."""
    pieces = _pieces(path, most_bytes)
    first = next(pieces, b"")
    is_xml = first.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").startswith(b"<")
    listing = Listing()
    for _ in _read_xml(first, pieces, listing) if is_xml else _read_lines(first, pieces, listing):
        if len(listing) >= most:
            break
    if not listing and not is_xml:
        raise NotASitemap
    return listing


def moment(text: str) -> datetime | None:
    """A date as sitemaps write it, in UTC; None where it is not one."""
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _pieces(path: Path, most_bytes: int) -> Iterator[bytes]:
    """The file's content, unpacked where it is packed."""
    left = most_bytes
    for piece in _unpacked(path):
        left -= len(piece)
        if left < 0:
            raise NotASitemap
        yield piece


def _unpacked(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        gunzip = Gunzip() if file.read(2) == b"\x1f\x8b" else None
        file.seek(0)
        while piece := file.read(PIECE):
            try:
                yield from (piece,) if gunzip is None else gunzip.pieces(piece)
            except zlib.error as error:
                raise NotASitemap from error


def _read_lines(first: bytes, rest: Iterator[bytes], listing: Listing) -> Iterator[None]:
    """Adds the addresses of a list that has one a line; other lines are no addresses and are passed over."""
    begun = first
    while True:
        *whole, begun = begun.split(b"\n")
        for line in whole:
            _add_line(line, listing)
            yield
        if len(begun) > LONGEST_TOKEN:
            raise NotASitemap
        if not (piece := next(rest, b"")):
            break
        begun += piece
    _add_line(begun, listing)
    yield


def _add_line(line: bytes, listing: Listing) -> None:
    text = line.decode("utf-8-sig", "replace").strip()
    if text.lower().startswith(("http://", "https://")) and len(text) <= LONGEST_URL:
        listing.pages.append((text, None))


def _read_xml(first: bytes, rest: Iterator[bytes], listing: Listing) -> Iterator[None]:
    reader = _Reader(listing)
    piece = first
    while piece:
        reader.feed(piece)
        yield
        piece = next(rest, b"")
    reader.end()


class _Reader:
    """Adds to a listing what expat finds: <loc> and <lastmod> right below <url> or <sitemap>."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._parser: Any = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._path: list[str] = []
        self._entry: dict[str, str] = {}
        self._fed = 0

    def feed(self, piece: bytes) -> None:
        self._parse(piece, False)
        self._fed += len(piece)
        if self._fed - self._parser.CurrentByteIndex > LONGEST_TOKEN:
            raise NotASitemap

    def end(self) -> None:
        self._parse(b"", True)

    def _parse(self, piece: bytes, is_last: bool) -> None:
        try:
            self._parser.Parse(piece, is_last)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise NotASitemap from error

    def _refuse(self, *_: Any) -> None:
        raise NotASitemap

    def _start(self, name: str, _: Any) -> None:
        self._path.append(name.rpartition(" ")[2])
        if len(self._path) == 1 and self._path[0] not in _ROOTS:
            raise NotASitemap
        if len(self._path) == 2:
            self._entry = {}

    def _text(self, text: str) -> None:
        if len(self._path) == 3 and self._path[1] == _ROOTS[self._path[0]] and self._path[2] in ("loc", "lastmod"):
            so_far = self._entry.get(self._path[2], "")
            self._entry[self._path[2]] = so_far + text[: LONGEST_URL + 100 - len(so_far)]

    def _end(self, _: str) -> None:
        if len(self._path) == 2 and (address := self._entry.get("loc", "").strip()) and len(address) <= LONGEST_URL:
            if self._path[0] == "urlset":
                self._listing.pages.append((address, moment(self._entry.get("lastmod", ""))))
            else:
                self._listing.sitemaps.append(address)
        self._path.pop()
