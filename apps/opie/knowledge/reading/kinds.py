"""What a file is. Its content decides; its name only tells the formats apart that are all text."""

import re
import zipfile
import zlib
from enum import StrEnum
from pathlib import Path, PurePath

from apps.opie.knowledge.reading import archive
from apps.opie.knowledge.reading.encodings import looks_like_text
from apps.opie.knowledge.reading.limits import MIB, Limits
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable


class Kind(StrEnum):
    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    IMAGE = "image"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Kind.PDF: "a PDF",
    Kind.DOCX: "a Word document",
    Kind.PPTX: "a PowerPoint presentation",
    Kind.XLSX: "an Excel workbook",
    Kind.HTML: "a web page",
    Kind.MARKDOWN: "Markdown",
    Kind.TEXT: "plain text",
    Kind.CSV: "a table of values",
    Kind.JSON: "JSON",
    Kind.IMAGE: "an image",
}
_TEXTS = {Kind.HTML, Kind.MARKDOWN, Kind.TEXT, Kind.CSV, Kind.JSON}
_ENDINGS = {
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".pptx": Kind.PPTX,
    ".xlsx": Kind.XLSX,
    ".xlsm": Kind.XLSX,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".log": Kind.TEXT,
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".json": Kind.JSON,
    ".jsonl": Kind.JSON,
    ".ndjson": Kind.JSON,
    ".png": Kind.IMAGE,
    ".jpg": Kind.IMAGE,
    ".jpeg": Kind.IMAGE,
    ".gif": Kind.IMAGE,
    ".webp": Kind.IMAGE,
    ".bmp": Kind.IMAGE,
    ".tif": Kind.IMAGE,
    ".tiff": Kind.IMAGE,
}
_IMAGES = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM....\x00\x00\x00\x00|II\*\x00|MM\x00\*", re.S
)
_PAGE = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html[\s>])", re.S | re.I)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# How the stream is named in which Office keeps an encrypted document.
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_MAIN_PARTS = {
    b"openxmlformats-officedocument.wordprocessingml.document.main+xml": Kind.DOCX,
    b"openxmlformats-officedocument.presentationml.presentation.main+xml": Kind.PPTX,
    b"openxmlformats-officedocument.presentationml.slideshow.main+xml": Kind.PPTX,
    b"openxmlformats-officedocument.spreadsheetml.sheet.main+xml": Kind.XLSX,
    b"vnd.ms-excel.sheet.macroEnabled.main+xml": Kind.XLSX,
}
_START = 8192


def kind_of(path: Path, name: str, limits: Limits | None = None) -> Kind:
    """What the file is. `name` is what it was called where it comes from.

    Raises Unreadable: not a type that is read, too large, empty, encrypted, or not what its name says.
    """
    limits = limits or Limits()
    if not path.is_file():
        raise Unreadable(Reason.DAMAGED, "The file is gone. Upload it again.")
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise Unreadable(Reason.TOO_LARGE, f"Files of up to {limits.file_bytes // MIB} MB are read. Split this one.")
    if size == 0:
        raise Unreadable(Reason.NO_TEXT, "The file is empty.")
    with path.open("rb") as file:
        start = file.read(_START)
    named = _ENDINGS.get(PurePath(name).suffix.lower())
    found = _binary_kind(path, start, limits)
    if found is None:
        return _text_kind(start, named)
    return _unless_contradicted(found, named)


def _binary_kind(path: Path, start: bytes, limits: Limits) -> Kind | None:
    if b"%PDF-" in start[:1024]:
        return Kind.PDF
    if start.startswith(b"PK\x03\x04"):
        return _office_kind(path, limits)
    if start.startswith(_OLD_OFFICE):
        raise _old_office(path)
    return Kind.IMAGE if _IMAGES.match(start) else None


def _text_kind(start: bytes, named: Kind | None) -> Kind:
    if start.startswith(b"{\\rtf"):
        raise Unreadable(Reason.TYPE, "RTF is not read. Save it as .docx or PDF and upload that.")
    if not looks_like_text(start):
        raise (
            Unreadable(Reason.TYPE)
            if named is None
            else Unreadable(
                Reason.DAMAGED,
                f"The name says {named.label}, but the file is none. It may be damaged: upload it again.",
            )
        )
    if named is None:
        return Kind.HTML if _PAGE.match(start) else Kind.TEXT
    return named if named in _TEXTS else _unless_contradicted(Kind.TEXT, named)


def _unless_contradicted(found: Kind, named: Kind | None) -> Kind:
    if named not in (None, found):
        raise Unreadable(
            Reason.TYPE,
            f"The name says {named.label}, but the file is {found.label}. Give it the right ending and upload it again.",
        )
    return found


def _office_kind(path: Path, limits: Limits) -> Kind:
    with archive.opened(path, limits) as opened:
        try:
            with opened.open("[Content_Types].xml") as member:
                types = member.read(MIB)
        except KeyError:
            raise Unreadable(Reason.TYPE, "Archives are not read. Upload the files in it one by one.") from None
        except NotImplementedError as error:
            raise Unreadable(Reason.DAMAGED) from error
        except RuntimeError as error:
            # How zipfile says that it would need a password.
            raise Unreadable(Reason.ENCRYPTED) from error
        except (zlib.error, zipfile.BadZipFile) as error:
            raise Unreadable(Reason.DAMAGED) from error
    for mark, kind in _MAIN_PARTS.items():
        if mark in types:
            return kind
    raise Unreadable(Reason.TYPE)


def _old_office(path: Path) -> Unreadable:
    with path.open("rb") as file:
        overlap = b""
        while block := file.read(MIB):
            if _ENCRYPTED_PACKAGE in overlap + block:
                return Unreadable(Reason.ENCRYPTED)
            overlap = block[-len(_ENCRYPTED_PACKAGE) :]
    return Unreadable(
        Reason.TYPE, "Files of Office before 2007 are not read. Save it as .docx, .pptx or .xlsx and upload that."
    )
