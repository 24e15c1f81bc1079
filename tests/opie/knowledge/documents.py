"""Documents of every format, made with a given text: what tests hand to Opie as a person would.

A document is a list of parts, each a heading and the paragraphs under it: a page of a PDF, a slide, a sheet.
"""

import csv as csv_format
import io
import json as json_format
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

import docx as docx_format
import openpyxl
import pptx as pptx_format
from PIL import Image, ImageDraw, ImageFont


class Part(NamedTuple):
    heading: str
    paragraphs: Sequence[str]


def pdf(parts: Sequence[Part], *, title: str = "", width: int = 90) -> bytes:
    """One page a part; lines are broken as a typesetter does. Latin letters only."""
    return pdf_of_pages([_lines(part, width) for part in parts], title=title)


def pdf_of_pages(pages: Sequence[Sequence[str]], *, title: str = "") -> bytes:
    """A PDF of pages with these lines, written by hand."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines)
        stream = f"BT /F1 10 Tf 12 TL 50 780 Td\n{shown}ET".encode("latin-1", "replace")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    objects.append(f"<< /Title ({_escaped(title)}) >>".encode("latin-1", "replace"))
    return _pdf_file(objects, b"/Info %d 0 R" % len(objects))


def scanned_pdf(pages: int = 1, words: str = "") -> bytes:
    """Pages that are images of pages, as a scanner makes them."""
    images = [_written_image(words) for _ in range(pages)]
    buffer = io.BytesIO()
    images[0].save(buffer, "PDF", save_all=True, append_images=images[1:])
    return buffer.getvalue()


def encrypted_pdf() -> bytes:
    """A PDF that names a password handler which nobody can satisfy."""
    whole = pdf([Part("Secret", ["Nobody reads this."])])
    key = b"<" + b"ab" * 32 + b">"
    encrypt = b"/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O %s /U %s >> /ID [<00> <00>]" % (key, key)
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R " + encrypt)


def docx(parts: Sequence[Part], *, title: str = "", table: Sequence[Sequence[str]] = ()) -> bytes:
    """Each heading of the first level; the table at the end."""
    document = docx_format.Document()
    document.core_properties.title = title
    for part in parts:
        document.add_heading(part.heading, level=1)
        for paragraph in part.paragraphs:
            document.add_paragraph(paragraph)
    if table:
        added = document.add_table(rows=0, cols=len(table[0]))
        for row in table:
            for cell, value in zip(added.add_row().cells, row, strict=True):
                cell.text = value
    return _saved(document)


def pptx(parts: Sequence[Part], *, title: str = "", notes: str = "") -> bytes:
    """One slide a part; the notes on the last."""
    presentation = pptx_format.Presentation()
    presentation.core_properties.title = title
    for part in parts:
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = part.heading
        slide.placeholders[1].text = "\n".join(part.paragraphs)
    if notes:
        slide.notes_slide.notes_text_frame.text = notes
    return _saved(presentation)


def xlsx(sheets: dict[str, Sequence[Sequence[object]]], *, title: str = "") -> bytes:
    """Sheets of rows, by name."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    book.properties.title = title
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    return _saved(book)


def html(parts: Sequence[Part], *, title: str = "", around: str = "<nav>Home | About</nav>") -> bytes:
    body = "".join(
        f"<h2>{part.heading}</h2>" + "".join(f"<p>{paragraph}</p>" for paragraph in part.paragraphs) for part in parts
    )
    page = f"<!DOCTYPE html><html><head><meta charset=utf-8><title>{title}</title></head><body>{around}{body}</body></html>"
    return page.encode()


def markdown(parts: Sequence[Part], *, title: str = "") -> bytes:
    blocks = [f"# {title}"] if title else []
    for part in parts:
        blocks += [f"## {part.heading}", *part.paragraphs]
    return "\n\n".join(blocks).encode()


def text(parts: Sequence[Part]) -> bytes:
    return "\n\n".join(block for part in parts for block in (part.heading, *part.paragraphs)).encode()


def csv(rows: Sequence[Sequence[object]], *, separator: str = ",") -> bytes:
    buffer = io.StringIO()
    csv_format.writer(buffer, delimiter=separator).writerows(rows)
    return buffer.getvalue().encode()


def json(value: object) -> bytes:
    return json_format.dumps(value, ensure_ascii=False).encode()


def png(words: str) -> bytes:
    """An image in which something is written."""
    buffer = io.BytesIO()
    _written_image(words).save(buffer, "PNG")
    return buffer.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return buffer.getvalue()


def repacked(document: bytes, changed: dict[str, bytes]) -> bytes:
    """An Office document with other members, or more of them."""
    with zipfile.ZipFile(io.BytesIO(document)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    return archive(members | changed)


def _lines(part: Part, width: int) -> list[str]:
    lines = [part.heading] if part.heading else []
    for paragraph in part.paragraphs:
        line = ""
        for word in paragraph.split():
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        lines.append(line)
    return lines


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _pdf_file(objects: Sequence[bytes], trailer: bytes) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    at = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, at))
    return out.getvalue()


def _written_image(words: str) -> Image.Image:
    image = Image.new("RGB", (900, 300), "white")
    ImageDraw.Draw(image).text((40, 110), words, fill="black", font=ImageFont.load_default(48))
    return image


def _saved(document: object) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)  # type: ignore[attr-defined] # every Office library's document has it
    return buffer.getvalue()
