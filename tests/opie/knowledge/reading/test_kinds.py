"""What a file is: its content says so, and a name that says something else is not believed."""

from pathlib import Path

import pytest

from apps.opie.knowledge.reading.kinds import Kind, kind_of
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.unreadable import Unreadable
from tests.opie.knowledge import documents
from tests.opie.knowledge.documents import Part
from tests.opie.knowledge.reading.conftest import Store

PARTS = [Part("Title", ["Text."])]
PDF, DOCX, PPTX = documents.pdf(PARTS), documents.docx(PARTS), documents.pptx(PARTS)
XLSX, PNG, PAGE = documents.xlsx({"S": [["a"]]}), documents.png("x"), documents.html(PARTS)
OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
ENCRYPTED_WORD = OLD_WORD + "EncryptedPackage".encode("utf-16-le")


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PDF, "a.PDF", Kind.PDF),
        (PDF, "download", Kind.PDF),
        (b"junk before\n" + PDF, "a.pdf", Kind.PDF),
        (DOCX, "a.docx", Kind.DOCX),
        (DOCX, "a", Kind.DOCX),
        (PPTX, "a.pptx", Kind.PPTX),
        (XLSX, "a.xlsx", Kind.XLSX),
        (PNG, "a.jpg", Kind.IMAGE),
        (b"\xff\xd8\xff\xe0JFIF", "a.jpeg", Kind.IMAGE),
        (PAGE, "a.htm", Kind.HTML),
        (PAGE, "index.php", Kind.HTML),
        (PAGE, "a.txt", Kind.TEXT),
        (b"# Title", "a.md", Kind.MARKDOWN),
        (b"# Title", "a.log", Kind.TEXT),
        (b"print()", "a.py", Kind.TEXT),
        ("Grüße".encode("utf-16"), "a", Kind.TEXT),
        ("Grüße".encode("cp1252"), "a.txt", Kind.TEXT),
        (b"a;b", "a.csv", Kind.CSV),
        (b"a\tb", "a.tsv", Kind.CSV),
        (b"{}", "a.json", Kind.JSON),
    ],
)
def test_kinds(store: Store, content: bytes, name: str, kind: Kind) -> None:
    assert kind_of(store(content), name) is kind


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (PDF, "a.docx", "unreadable_type"),
        (PDF, "a.txt", "unreadable_type"),
        (DOCX, "a.xlsx", "unreadable_type"),
        (XLSX, "a.csv", "unreadable_type"),
        (PNG, "a.pdf", "unreadable_type"),
        (b"only text", "a.pdf", "unreadable_type"),
        (b"only text", "a.png", "unreadable_type"),
        (b"{\\rtf1 x}", "a.rtf", "unreadable_type"),
        (b"{\\rtf1 x}", "a.txt", "unreadable_type"),
        (documents.archive({"a.txt": b"x"}), "a.zip", "unreadable_type"),
        (documents.archive({"a.txt": b"x"}), "a.docx", "unreadable_type"),
        (documents.archive({"[Content_Types].xml": b"application/epub"}), "a.docx", "unreadable_type"),
        (OLD_WORD, "a.doc", "unreadable_type"),
        (ENCRYPTED_WORD, "a.docx", "unreadable_encrypted"),
        (b"\x7fELF" + bytes(100), "a", "unreadable_type"),
        (b"\x00\x01\x02" * 100, "a.txt", "unreadable_damaged"),
        (DOCX[:-100], "a.docx", "unreadable_damaged"),
        (b"PK\x03\x04", "a.docx", "unreadable_damaged"),
        (b"", "a.txt", "unreadable_no_text"),
    ],
)
def test_what_is_refused(store: Store, content: bytes, name: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        kind_of(store(content), name)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_a_contradiction_is_told_as_one(store: Store) -> None:
    with pytest.raises(Unreadable, match=r"says a Word document, but the file is a PDF"):
        kind_of(store(PDF), "a.docx")


def test_sizes_and_what_is_no_file(store: Store, tmp_path: Path) -> None:
    for path, code in ((store(b"x" * 11), "unreadable_too_large"), (tmp_path, "unreadable_damaged")):
        with pytest.raises(Unreadable) as refused:
            kind_of(path, "a.txt", Limits(file_bytes=10))
        assert refused.value.code == code
