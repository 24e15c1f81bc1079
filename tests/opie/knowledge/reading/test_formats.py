"""Documents of every format, read as the worker reads them: what is found, and where."""

import json

import pytest

from apps.opie.knowledge.reading.kinds import Kind
from apps.opie.knowledge.reading.section import Location, Section
from tests.opie.knowledge import documents
from tests.opie.knowledge.documents import Part
from tests.opie.knowledge.reading.conftest import Store, read_all

PARTS = [
    Part("Refunds", ["Money comes back within 30 days.", "Ask the desk first."]),
    Part("Shipping", ["We ship to every country, (nearly) always."]),
]
ROWS = [["Name", "Price", "In stock"], ["Guitar", 99.5, 3], ["Drum", 150, None]]
LINES = ["Name | Price | In stock", "Name: Guitar | Price: 99.5 | In stock: 3", "Name: Drum | Price: 150"]


def located(sections: list[Section]) -> list[tuple[str, dict[str, object]]]:
    return [(section.text, dict(section.location.as_json())) for section in sections]


async def test_pages_of_a_pdf(store: Store) -> None:
    reading, sections = await read_all(store(documents.pdf(PARTS, title="The shop")), "a.pdf")
    assert (reading.kind, reading.title, reading.total_parts, reading.parts_done) == (Kind.PDF, "The shop", 2, 2)
    assert located(sections) == [
        ("Refunds\nMoney comes back within 30 days.\nAsk the desk first.", {"page": 1}),
        ("Shipping\nWe ship to every country, (nearly) always.", {"page": 2}),
    ]


async def test_lines_of_a_pdf_are_paragraphs_again(store: Store) -> None:
    paragraph = " ".join(f"word{number}" for number in range(60)) + "."
    _, [section] = await read_all(store(documents.pdf([Part("Title", [paragraph, "Next."])])), "a.pdf")
    assert section.text == f"Title\n{paragraph}\nNext."


async def test_pages_without_text_are_counted_and_the_others_keep_their_numbers(store: Store) -> None:
    content = documents.pdf_of_pages([[], ["Only this page says something."], []])
    reading, sections = await read_all(store(content), "a.pdf")
    assert located(sections) == [("Only this page says something.", {"page": 2})]
    assert (reading.parts_done, reading.parts_without_text) == (3, 2)


async def test_word(store: Store) -> None:
    content = documents.docx(PARTS, title="The shop", table=[[str(cell or "") for cell in row] for row in ROWS])
    reading, sections = await read_all(store(content), "a.docx")
    assert (reading.kind, reading.title) == (Kind.DOCX, "The shop")
    assert located(sections) == [
        ("Money comes back within 30 days.\n\nAsk the desk first.", {"heading": "Refunds"}),
        ("We ship to every country, (nearly) always.\n\n" + "\n".join(LINES), {"heading": "Shipping"}),
    ]


async def test_word_reads_controls_boxes_insertions_and_notes_but_not_what_was_deleted(store: Store) -> None:
    word = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

    def run(text: str) -> str:
        return f"<w:r><w:t>{text}</w:t></w:r>"

    body = (
        f"<w:sdt><w:sdtContent><w:p>{run('In a control.')}</w:p></w:sdtContent></w:sdt>"
        f"<w:p>{run('Kept')}<w:ins>{run(' and inserted')}</w:ins><w:del><w:r><w:delText> gone</w:delText></w:r></w:del>.</w:p>"
        f"<w:p><w:r><w:pict><w:txbxContent><w:p>{run('In a box.')}</w:p></w:txbxContent></w:pict></w:r></w:p>"
        f'<w:p><w:pPr><w:outlineLvl w:val="0"/></w:pPr>{run("A heading alone")}</w:p>'
    )
    content = documents.repacked(
        documents.docx(PARTS),
        {"word/document.xml": f"<w:document {word}><w:body>{body}</w:body></w:document>".encode()},
    )
    _, sections = await read_all(store(content), "a.docx")
    assert located(sections) == [
        ("In a control.\n\nKept and inserted\n\nIn a box.", {}),
        ("A heading alone", {}),
    ]


async def test_slides(store: Store) -> None:
    content = documents.pptx([*PARTS, Part("The end", [])], title="Talk", notes="Say goodbye.")
    reading, sections = await read_all(store(content), "a.pptx")
    assert (reading.kind, reading.title, reading.total_parts, reading.parts_done) == (Kind.PPTX, "Talk", 3, 3)
    assert located(sections) == [
        ("Money comes back within 30 days.\nAsk the desk first.", {"slide": 1, "heading": "Refunds"}),
        ("We ship to every country, (nearly) always.", {"slide": 2, "heading": "Shipping"}),
        ("The end", {"slide": 3}),
        ("Say goodbye.", {"slide": 3, "heading": "The end"}),
    ]


async def test_sheets(store: Store) -> None:
    content = documents.xlsx({"Stock": [["What we have"], [], *ROWS], "Nothing": []}, title="Stocktaking")
    reading, sections = await read_all(store(content), "a.xlsx")
    assert (reading.kind, reading.title, reading.total_parts, reading.parts_done) == (Kind.XLSX, "Stocktaking", 2, 2)
    assert located(sections) == [
        ("What we have", {"sheet": "Stock", "row": 1}),
        *[(line, {"sheet": "Stock", "row": row}) for row, line in enumerate(LINES, start=3)],
    ]


async def test_web_pages_without_what_is_around_them(store: Store) -> None:
    around = (
        "<nav>Home</nav><header role=banner>Logo</header><script>alert(1)</script><style>p {}</style>"
        "<div hidden>not yet</div><p style='display: none'>trap</p><aside>ads</aside><footer>imprint</footer>"
    )
    content = documents.html(PARTS, title="The  shop", around=around)
    reading, sections = await read_all(store(content), "a.html")
    assert (reading.kind, reading.title) == (Kind.HTML, "The shop")
    assert located(sections) == [
        ("Money comes back within 30 days.\n\nAsk the desk first.", {"heading": "Refunds"}),
        ("We ship to every country, (nearly) always.", {"heading": "Shipping"}),
    ]


async def test_tables_lists_and_code_of_web_pages(store: Store) -> None:
    page = (
        "<h1>Top</h1>Loose <b>te</b>xt<ul><li>one<li>two</ul><pre>a\n  b</pre>"
        "<table><tr><th>Name<th>Price</tr><tr><td>Drum<td>150</tr></table>"
        "<table><tr><td><h2>Laid out</h2><p>First.</p><p>Second.</p></td></tr></table><h2>Alone</h2>"
    )
    _, sections = await read_all(store(page.encode()), "a.html")
    assert located(sections) == [
        ("Loose text\n\n- one\n\n- two\n\na\n  b\n\nName | Price\n\nName: Drum | Price: 150", {"heading": "Top"}),
        ("First.\n\nSecond.", {"heading": "Top › Laid out"}),
        ("Alone", {"heading": "Top"}),
    ]


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("<meta charset='windows-1251'>", "cp1251"),
        ("<meta http-equiv=Content-Type content='text/html; charset=utf-8'>", "utf-8"),
        ("<meta charset=no-such-thing>", "utf-8"),
        ("", "utf-8"),
        ("", "utf-16"),
    ],
)
async def test_web_pages_in_whatever_charset(store: Store, declared: str, encoding: str) -> None:
    page = f"<html><head>{declared}</head><body><p>Привет, мир</p></body></html>"
    _, [section] = await read_all(store(page.encode(encoding)), "a.html")
    assert section.text == "Привет, мир"


async def test_only_the_main_part_of_a_web_page_that_has_one(store: Store) -> None:
    page = "<div>Menu of things</div><main><h1>News</h1><p>Something happened.</p></main><div>Cookies</div>"
    _, sections = await read_all(store(page.encode()), "a.html")
    assert located(sections) == [("Something happened.", {"heading": "News"})]


async def test_markdown(store: Store) -> None:
    written = (
        "---\ntitle: 'The shop'\n---\nBefore.\n\n# Guide\n\n## *Set* up [it](http://x.example)\n\nSee [the page](http://x.example/y).\n\n"
        "```sh\n# not a heading\nmake  run\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nUse\n===\n\n- one\n- two\n\n# Last\n"
    )
    reading, sections = await read_all(store(written.encode()), "a.md")
    assert (reading.kind, reading.title) == (Kind.MARKDOWN, "The shop")
    assert located(sections) == [
        ("Before.", {}),
        (
            "See the page.\n\n```sh\n# not a heading\nmake  run\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |",
            {"heading": "Guide › Set up it"},
        ),
        ("- one\n- two", {"heading": "Use"}),
        ("Last", {}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_text_in_the_encodings_people_have(store: Store, encoding: str) -> None:
    reading, [section] = await read_all(store("Grüße – für “alle”\r\n\r\nEnde".encode(encoding)), "a.txt")
    assert (reading.kind, section.text) == (Kind.TEXT, "Grüße – für “alle”\n\nEnde")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
async def test_values_whatever_separates_them(store: Store, separator: str) -> None:
    rows = [["Name", "Note"], ["Guitar", "Six strings, or twelve; loud"], ["Drum", 'A "deep"\nsound']]
    path = store(documents.csv(rows, separator=separator))
    reading, sections = await read_all(path, "a.csv")
    assert reading.kind is Kind.CSV
    assert located(sections) == [
        ("Name | Note", {"row": 1}),
        ("Name: Guitar | Note: Six strings, or twelve; loud", {"row": 2}),
        ('Name: Drum | Note: A "deep" sound', {"row": 3}),
    ]


async def test_json(store: Store) -> None:
    value = {
        "shop": {"name": "Opie's", "open": True, "a/b": {"tags": ["x", "y"]}},
        "orders": [{"id": 1, "by": {"name": "Ann"}, "total": 2.50}, {"id": 2, "by": None, "items": [{"n": 1}]}],
    }
    text = json.dumps(value).replace("2.5", "2.50")
    reading, sections = await read_all(store(text.encode()), "a.json")
    assert reading.kind is Kind.JSON
    assert located(sections) == [
        ("shop.name: Opie's\nshop.open: true", {"heading": "shop", "path": "/shop"}),
        ("shop.a/b.tags: x, y", {"heading": "shop", "path": "/shop/a~1b"}),
        ("id: 1 | by.name: Ann | total: 2.50", {"heading": "orders", "path": "/orders/0"}),
        ("id: 2 | by: none | items.1.n: 1", {"heading": "orders", "path": "/orders/1"}),
    ]


async def test_lines_of_json(store: Store) -> None:
    _, sections = await read_all(store(b'{"a": 1}\n{"a": 2}\n\n{"a": 3}\n'), "a.jsonl")
    assert located(sections) == [("a: 1", {"row": 1}), ("a: 2", {"row": 2}), ("a: 3", {"row": 4})]


async def test_what_cannot_be_stored_is_taken_out(store: Store) -> None:
    content = b'{"a\\u0000b": "x\\ud800y\\u0000z", "list": [{"k": "\\u0007bell"}]}'
    _, sections = await read_all(store(content), "a.json")
    assert [section.text for section in sections] == ["ab: xyz", "k: bell"]


async def test_a_long_text_comes_in_pieces_of_which_nothing_is_lost(store: Store) -> None:
    cell = "word " * 30_000
    _, sections = await read_all(store(documents.csv([["A", "B"], ["1", cell]])), "a.csv")
    assert "".join(section.text for section in sections[1:]) == f"A: 1 | B: {cell.strip()}"
    assert max(len(section.text) for section in sections) <= 20_000
    assert {section.location for section in sections[1:]} == {Location(row=2)}


def test_locations_as_json_and_back() -> None:
    every = Location(page=1, heading="A › B", slide=2, sheet="S", row=3, path="/x")
    assert Location.from_json(every.as_json()) == every
    assert Location(page=2).as_json() == {"page": 2}
    assert Location.from_json({"page": 2, "unknown": 1}) == Location(page=2)
    assert every.headings == ("A", "B")
