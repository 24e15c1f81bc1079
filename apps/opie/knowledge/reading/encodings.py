"""In which encoding a file of text is, and reading it line by line."""

import codecs
from collections.abc import Iterator
from pathlib import Path

BLOCK = 2**16

# The longer one first: it begins with the shorter one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Control characters that files of text hold: tab, line ends, form feed, escape, and the end that DOS wrote.
_USUAL_CONTROLS = frozenset(b"\t\n\r\x0b\x0c\x1b\x1a")


def marked_encoding(start: bytes) -> str:
    """The encoding that a byte order mark names, or nothing."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), "")


def looks_like_text(start: bytes) -> bool:
    """Whether a file that begins so is text: marked as Unicode, or without the control characters of other files."""
    if marked_encoding(start):
        return True
    odd = sum(1 for byte in start if byte < 0x20 and byte not in _USUAL_CONTROLS)
    return b"\x00" not in start and odd * 200 <= len(start)


def encoding_of(path: Path) -> str:
    """UTF-8 where all of the file is, what its mark says, or what Windows wrote in the west."""
    with path.open("rb") as file:
        block = file.read(BLOCK)
        if marked := marked_encoding(block):
            return marked
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        try:
            while block:
                decoder.decode(block)
                block = file.read(BLOCK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def decoded(content: bytes, encoding: str = "") -> str:
    """All of a text. Without a name, the encoding is found as `encoding_of` finds it."""
    if encoding := marked_encoding(content) or encoding:
        return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def lines(path: Path, longest: int) -> Iterator[str]:
    """The lines of a file of text with their ends. A line longer than `longest` comes in pieces."""
    with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
        while line := file.readline(longest):
            yield line
