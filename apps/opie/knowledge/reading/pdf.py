"""PDF, page by page, with pdfium."""

import re
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
from pypdfium2 import raw

from apps.opie.knowledge.reading import recognition
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened, PartDone
from apps.opie.knowledge.reading.section import Location, Section
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

# pdfium keeps what it has parsed; a document opened anew begins with nothing.
REOPENED_EVERY = 200

# How pdfium writes a hyphen at which a word is broken across lines.
_BROKEN_WORD = re.compile("[\x02\u00ad\ufffe](?:\r?\n)?")
# Characters in a line of a column; shorter lines end where their writer ended them.
_NARROWEST = 36
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_NEW_ITEM = re.compile(r"[-–—•▪◦●○■*·]\s|\(?\d{1,3}(?:\.\d{1,3})*[.)]\s|\d{1,3}(?:\.\d{1,3})+\s|\(?[a-zA-Z][.)]\s")
# What leads from a title to its page in a table of contents.
_LEADER = re.compile(r"(?:\s?\.){5,}")


def read(path: Path, limits: Limits) -> Iterator[Found]:
    document = _opened(path)
    total = len(document)
    if total > limits.pages:
        raise Unreadable(Reason.TOO_LARGE, f"PDFs of up to {limits.pages:,} pages are read. Split this one.")
    yield Opened(document.get_metadata_value("Title"), total)
    some_text = False
    for number in range(1, total + 1):
        if number % REOPENED_EVERY == 0:
            document.close()
            document = _opened(path)
        text = _page_text(document, number - 1, limits)
        if text:
            some_text = True
            yield Section(text, Location(page=number))
        yield PartDone(number, has_text=bool(text))
    document.close()
    if not some_text:
        raise _nothing_found()


def _opened(path: Path) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(path)
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        if locked:
            raise Unreadable(
                Reason.ENCRYPTED, "This PDF is encrypted. Remove the password and upload it again."
            ) from None
        raise Unreadable(Reason.DAMAGED) from error
    if pages == 0:
        raise Unreadable(Reason.DAMAGED)
    return document


def _page_text(document: pypdfium2.PdfDocument, index: int, limits: Limits) -> str:
    """The text of a page, or nothing: a page that cannot be read must not cost the others."""
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return ""
    try:
        layer = page.get_textpage()
        try:
            text = layer.get_text_bounded(errors="ignore")
        finally:
            layer.close()
        text = unwrapped(text)
        return text or _recognised(page, limits)
    finally:
        page.close()


def _recognised(page: pypdfium2.PdfPage, limits: Limits) -> str:
    scanned = next(iter(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE])), None) is not None
    if not scanned or not recognition.is_available():
        return ""
    width, height = page.get_size()
    # 200 dots an inch, or fewer on a page as large as a wall.
    scale = min(200 / 72, (limits.pixels / max(1.0, width * height)) ** 0.5)
    return recognition.text_in(page.render(scale=scale).to_pil(), limits)


def _nothing_found() -> Unreadable:
    if recognition.is_available():
        return Unreadable(Reason.NO_TEXT)
    return Unreadable(
        Reason.NO_TEXT,
        "There is no text in this PDF, only images of pages. Run text recognition on it and upload the result.",
    )


def unwrapped(text: str) -> str:
    """Lines as they were set made into paragraphs again: a line that fills its column goes on in the next."""
    text = _LEADER.sub(" …", _BROKEN_WORD.sub("", text).translate(_LIGATURES))
    lines = [line.strip() for line in text.splitlines()]
    lengths = sorted(len(line) for line in lines if line)
    if not lengths:
        return ""
    full = max(_NARROWEST, 0.75 * lengths[len(lengths) * 9 // 10])
    parts: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        goes_on = len(before) >= full and line and not _NEW_ITEM.match(line)
        parts.append((" " if goes_on else "\n") + line)
    return "".join(parts).strip()
