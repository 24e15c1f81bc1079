"""The kinds of content that are read, and what their files are called."""

import codecs
import re
import unicodedata
from email.message import Message
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from apps.opie.knowledge.fetching.urls import host_of

if TYPE_CHECKING:
    import httpx2

_OFFICE = "application/vnd.openxmlformats-officedocument."
# The first ending is given to a name that has none of them.
_PAGES: dict[str, tuple[str, ...]] = {
    "text/html": (".html", ".htm"),
    "application/xhtml+xml": (".html", ".xhtml", ".htm"),
    "text/plain": (".txt", ".md", ".markdown", ".csv", ".json"),
    "text/markdown": (".md", ".markdown"),
    "text/x-markdown": (".md", ".markdown"),
    "application/pdf": (".pdf",),
    _OFFICE + "wordprocessingml.document": (".docx",),
    _OFFICE + "presentationml.presentation": (".pptx",),
    _OFFICE + "spreadsheetml.sheet": (".xlsx",),
    "text/csv": (".csv",),
    "application/json": (".json",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/tiff": (".tiff", ".tif"),
    "image/bmp": (".bmp",),
}
_SITEMAPS: dict[str, tuple[str, ...]] = {
    "application/xml": (".xml",),
    "text/xml": (".xml",),
    "text/plain": (".txt",),
    "application/gzip": (".gz",),
    "application/x-gzip": (".gz",),
}
PAGE_TYPES = frozenset(_PAGES)
SITEMAP_TYPES = frozenset(_SITEMAPS)
# What servers say of files whose kind they do not know: then the ending decides, and whoever reads the file looks again.
_UNSAID = {
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-download",
    "application/force-download",
}
_ENDINGS = _PAGES | {kind: endings for kind, endings in _SITEMAPS.items() if kind not in _PAGES}
_UNFIT = re.compile(r'[/\\:*?"<>|]+')
LONGEST_NAME = 120


def type_and_charset(headers: "httpx2.Headers", url: "httpx2.URL") -> tuple[str, str]:
    """What was sent, by its header, or by the ending of its name where the header does not say; and its charset, if the
    header names one that Python knows. Either may be empty."""
    said, *parameters = headers.get("content-type", "").split(";")
    kind = said.strip().lower()
    if kind in _UNSAID:
        ending = PurePosixPath(_own_name(headers, url)).suffix.lower()
        kind = _kind_of(ending)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind, _known_charset(value.strip().strip("\"'"))
    return kind, ""


def display_name(headers: "httpx2.Headers", url: "httpx2.URL", kind: str) -> str:
    """What to call a file that was fetched: no folders, no control characters, and an ending that fits its kind."""
    name = unicodedata.normalize("NFC", _own_name(headers, url) or host_of(url))
    name = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in name)
    name = " ".join(_UNFIT.sub("-", name).split()).strip(". -") or "page"
    endings = _ENDINGS.get(kind, ())
    ending = PurePosixPath(name).suffix
    if not endings:
        return name[:LONGEST_NAME]
    if ending.lower() in endings:
        return name.removesuffix(ending)[: LONGEST_NAME - len(ending)] + ending
    return name[: LONGEST_NAME - len(endings[0])] + endings[0]


def _kind_of(ending: str) -> str:
    """The kind whose usual ending this is, or else one that may have it; nothing where there is none."""
    usual = (kind for kind, endings in _ENDINGS.items() if ending == endings[0])
    return next(usual, next((kind for kind, endings in _ENDINGS.items() if ending in endings), ""))


def _own_name(headers: "httpx2.Headers", url: "httpx2.URL") -> str:
    """The name that the server gives the file, or else the last part of the address."""
    disposition = Message()
    disposition["content-disposition"] = headers.get("content-disposition", "")
    given = disposition.get_filename("") or url.path
    return re.split(r"[/\\]", given.rstrip("/\\"))[-1]


def _known_charset(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
