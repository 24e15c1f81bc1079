"""Files that do harm, or cannot be read: each is refused with a reason, and harms nothing."""

import io
import json
import struct
import zipfile

import pytest

from apps.opie.knowledge.reading import recognition
from apps.opie.knowledge.reading.limits import MIB, Limits
from tests.opie.knowledge import documents
from tests.opie.knowledge.documents import Part
from tests.opie.knowledge.reading.conftest import Store, read_all, refusal

PARTS = [Part("Title", ["Text."])]
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a '"
    + "ha" * 50
    + "'>"
    + "".join(f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


async def test_encrypted(store: Store) -> None:
    refused = await refusal(store(documents.encrypted_pdf()), "a.pdf")
    assert refused.code == "unreadable_encrypted"
    assert refused.message == "This PDF is encrypted. Remove the password and upload it again."


def encrypted_member() -> bytes:
    """A workbook in which the directory says that a sheet is encrypted."""
    content = bytearray(documents.xlsx({"S": [["a"]]}))
    at = content.rfind(b"PK\x01\x02")
    content[at + 8] |= 1
    return bytes(content)


async def test_encrypted_members(store: Store) -> None:
    assert (await refusal(store(encrypted_member()), "a.xlsx")).code == "unreadable_encrypted"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"%PDF-1.7\nnothing of the kind"),
        ("a.docx", documents.repacked(documents.docx(PARTS), {"word/document.xml": b"<w:document"})),
        ("a.pptx", documents.repacked(documents.pptx(PARTS), {"ppt/presentation.xml": b"<p"})),
        ("a.xlsx", documents.repacked(documents.xlsx({"S": [["a"]]}), {"xl/worksheets/sheet1.xml": b"<worksheet"})),
        ("a.json", b'{"a": 1'),
        ("a.json", b'{"a": ' + b"\xe4" + b"}"),
    ],
)
async def test_damaged(store: Store, name: str, content: bytes) -> None:
    assert (await refusal(store(content), name)).code == "unreadable_damaged"


async def test_a_pdf_that_lost_its_end_is_read_as_far_as_it_goes(store: Store) -> None:
    content = documents.pdf([Part("First", []), Part("Second", [])])
    _, sections = await read_all(store(content[: content.index(b"startxref")]), "a.pdf")
    assert [section.text for section in sections] == ["First", "Second"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"\n \n"),
        ("a.html", b"<html><body><nav>Menu</nav></body></html>"),
        ("a.html", b" "),
        ("a.md", b"---\ntitle: x\n---\n"),
        ("a.csv", b",,\n,,\n"),
        ("a.xlsx", documents.xlsx({"S": []})),
        ("a.docx", documents.docx([])),
        ("a.pptx", documents.pptx([])),
        ("a.pdf", documents.pdf_of_pages([[]])),
        ("a.json", b"{}"),
    ],
)
async def test_without_text(store: Store, name: str, content: bytes) -> None:
    assert (await refusal(store(content), name)).code == "unreadable_no_text"


@pytest.mark.skipif(recognition.is_available(), reason="requirements/ocr.txt is installed")
async def test_images_where_text_in_them_is_not_recognised(store: Store) -> None:
    assert (await refusal(store(documents.png("Hello")), "a.png")).code == "unreadable_no_text_recognition"
    refused = await refusal(store(documents.scanned_pdf(2)), "a.pdf")
    assert (refused.code, "images of pages" in refused.message) == ("unreadable_no_text", True)


@pytest.mark.skipif(not recognition.is_available(), reason="requirements/ocr.txt is not installed")
async def test_text_in_images(store: Store) -> None:
    _, [section] = await read_all(store(documents.png("Hello reader")), "a.png")
    assert section.text.lower().replace(" ", "") == "helloreader"
    _, [page] = await read_all(store(documents.scanned_pdf(1, "Scanned words")), "a.pdf")
    assert (page.text.lower().replace(" ", ""), page.location.page) == ("scannedwords", 1)


async def test_damaged_images_and_images_of_too_many_pixels(store: Store) -> None:
    assert (await refusal(store(documents.png("x")[:60]), "a.png")).code != "unreadable_interrupted"
    assert (await refusal(store(documents.png("x")), "a.png", Limits(pixels=1000))).code == "unreadable_bomb"


@pytest.mark.parametrize(
    ("name", "content", "limits"),
    [
        ("a.pdf", documents.pdf([Part("x", [])] * 3), Limits(pages=2)),
        ("a.txt", b"many words " * 100, Limits(characters=1000)),
        ("a.md", b"many words " * 100, Limits(whole_bytes=1000)),
        ("a.html", b"many words " * 100, Limits(whole_bytes=1000)),
        ("a.json", json.dumps(["x" * 1000]).encode(), Limits(whole_bytes=1000)),
        ("a.csv", b"a,b\n1,2\n3,4\n", Limits(cells=5)),
        ("a.xlsx", documents.xlsx({"S": [["a", "b"], [1, 2], [3, 4]]}), Limits(cells=5)),
        ("a.csv", b"a,b\n1," + b"x" * 5000 + b"\n", Limits(cell_characters=1000)),
        ("a.csv", b'a,b\n1,"' + b"never closed\n" * 500, Limits(cell_characters=1000)),
        ("a.docx", documents.docx(PARTS), Limits(xml_bytes=1000)),
    ],
)
async def test_too_large(store: Store, name: str, content: bytes, limits: Limits) -> None:
    assert (await refusal(store(content), name, limits)).code == "unreadable_too_large"


async def test_an_archive_that_unpacks_to_far_more_than_it_is(store: Store) -> None:
    bomb = documents.repacked(documents.docx(PARTS), {"word/document.xml": b" " * 40 * MIB})
    assert len(bomb) < MIB
    assert (await refusal(store(bomb), "a.docx")).code == "unreadable_bomb"


async def test_an_archive_of_many_members(store: Store) -> None:
    many = documents.repacked(documents.xlsx({"S": [["a"]]}), {f"x{number}": b"" for number in range(500)})
    assert (await refusal(store(many), "a.xlsx", Limits(members=400))).code == "unreadable_bomb"
    assert (await refusal(store(many), "a.xlsx", Limits(directory_bytes=4000))).code == "unreadable_bomb"


async def test_an_archive_whose_large_directory_is_named_in_the_other_record(store: Store) -> None:
    content = documents.xlsx({"S": [["a"]]})
    end = content.rfind(b"PK\x05\x06")
    record = b"PK\x06\x06" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1, 1, 2**40, 0)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, end, 1)
    assert (await refusal(store(content[:end] + record + locator + content[end:]), "a.xlsx")).code == "unreadable_bomb"


@pytest.mark.filterwarnings("ignore:Duplicate name")
async def test_an_archive_with_a_member_twice(store: Store) -> None:
    buffer = io.BytesIO(documents.docx(PARTS))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("word/document.xml", "other")
    assert (await refusal(store(buffer.getvalue()), "a.docx")).code == "unreadable_bomb"


async def test_entities_are_not_expanded_in_word(store: Store) -> None:
    body = f"<w:document {WORD}><w:body><w:p><w:r><w:t>before &{{}}; after</w:t></w:r></w:p></w:body></w:document>"
    few, many = (
        documents.repacked(documents.docx(PARTS), {"word/document.xml": (LAUGHS + body.format(entity)).encode()})
        for entity in "ai"
    )
    limits = Limits(memory_bytes=256 * MIB, seconds=20)
    assert (await refusal(store(many), "a.docx", limits)).code == "unreadable_damaged"
    _, [section] = await read_all(store(few), "a.docx", limits)
    assert "ha" not in section.text


def workbook_of_excel() -> bytes:
    """A workbook that keeps its texts in a part of their own, as Excel does."""
    content = documents.xlsx({"S": [[0]]})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        types = archive.read("[Content_Types].xml").decode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    types = types.replace("</Types>", f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>')
    sheet = f"<worksheet {SHEET}><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c></row></sheetData></worksheet>"
    changed = {
        "[Content_Types].xml": types,
        "xl/sharedStrings.xml": f"<sst {SHEET}><si><t>A shared text</t></si></sst>",
        "xl/worksheets/sheet1.xml": sheet,
    }
    return documents.repacked(content, {name: text.encode() for name, text in changed.items()})


async def test_shared_texts_are_found(store: Store) -> None:
    _, [section] = await read_all(store(workbook_of_excel()), "a.xlsx")
    assert section.text == "A shared text"


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("xl/workbook.xml", f"<workbook {SHEET}><sheets>&i;</sheets></workbook>"),
        ("xl/sharedStrings.xml", f"<sst {SHEET}><si><t>&i;</t></si></sst>"),
        (
            "xl/worksheets/sheet1.xml",
            f"<worksheet {SHEET}><sheetData><row><c><v>&i;</v></c></row></sheetData></worksheet>",
        ),
    ],
)
async def test_entities_are_refused_in_excel(store: Store, part: str, body: str) -> None:
    content = documents.repacked(workbook_of_excel(), {part: (LAUGHS + body).encode()})
    assert (await refusal(store(content), "a.xlsx", Limits(memory_bytes=256 * MIB))).code == "unreadable_damaged"


async def test_a_file_outside_is_not_drawn_in(store: Store) -> None:
    outside = store(b"secret of the machine")
    body = f"<w:document {WORD}><w:body><w:p><w:r><w:t>x&f;</w:t></w:r></w:p></w:body></w:document>"
    doctype = f"<!DOCTYPE x [<!ENTITY f SYSTEM 'file://{outside}'>]>"
    content = documents.repacked(documents.docx(PARTS), {"word/document.xml": (doctype + body).encode()})
    _, sections = await read_all(store(content), "a.docx")
    assert "secret" not in "".join(section.text for section in sections)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"[" * 70 + b"{}" + b"]" * 70, b'{"a":' * 70 + b"1" + b"}" * 70])
async def test_json_nested_too_deep(store: Store, content: bytes) -> None:
    assert (await refusal(store(content), "a.json")).code == "unreadable_bomb"


async def test_numbers_of_any_length_are_kept_as_they_are_written(store: Store) -> None:
    _, [section] = await read_all(store(b'{"n": ' + b"9" * 10_000 + b"}"), "a.json")
    assert section.text == "n: " + "9" * 10_000


@pytest.mark.parametrize("opening", [b"<div>", b"<table><tr><td>", b"<b>", b"<h1>"])
async def test_web_pages_nested_deep(store: Store, opening: bytes) -> None:
    content = b"<p>At the top.</p>" + opening * 20_000 + b"inside"
    _, sections = await read_all(store(content), "a.html", Limits(seconds=30))
    assert sections[0].text.startswith("At the top.")


async def test_a_sheet_that_claims_to_be_huge_is_read_as_what_it_is(store: Store) -> None:
    sheet = (
        f"<worksheet {SHEET}><dimension ref='A1:XFD1048576'/><sheetData><row r='1'><c r='A1' t='inlineStr'>"
        "<is><t>only cell</t></is></c></row></sheetData></worksheet>"
    )
    content = documents.repacked(documents.xlsx({"S": [["a"]]}), {"xl/worksheets/sheet1.xml": sheet.encode()})
    _, [section] = await read_all(store(content), "a.xlsx")
    assert section.text == "only cell"
