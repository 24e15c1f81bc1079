"""How many pages a second become searchable, and whether memory stays flat: a text PDF with about 2,000 characters a page,
from the stored file to chunks that are found. The embedding model is left out: vectors of the right length stand in."""

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import django
import psutil

from benchmarks.in_django import figures_of, print_figures, someone
from benchmarks.processes import most_mib

PAGES = (200, 2000)
CHARACTERS_A_PAGE = 2000
TARGET_PAGES_A_SECOND = 100
SECONDS_BETWEEN_LOOKS = 0.05


def run() -> dict[str, Any]:
    """Pages a second and the most memory (MiB), of the worker and of the process that reads the file, by pages."""
    found: dict[str, Any] = {}
    for pages in PAGES:
        found[str(pages)] = figures_of("benchmarks.ingest", str(pages))
    slowest = min(one["pages_a_second"] for one in found.values())
    print(json.dumps(found, indent=1))
    return {
        "by_pages": found,
        "target_pages_a_second": TARGET_PAGES_A_SECOND,
        "within_target": slowest >= TARGET_PAGES_A_SECOND,
    }


async def _run(pages: int) -> dict[str, Any]:
    from django.core.files.base import ContentFile

    from apps.opie import rows
    from apps.opie.knowledge import documents, ingesting
    from apps.opie.knowledge.bases import create_base
    from apps.opie.knowledge.documents import About
    from apps.opie.models import KnowledgeDocument

    ingesting.embed = _vectors  # type: ignore[assignment]
    principal = (await rows.run(someone)).principal
    base = await rows.run(create_base, principal, {"name": "Bench"})
    await _ingest(principal, base, ContentFile(_pdf(3), "warm.pdf"))  # imports, pools
    file = ContentFile(_pdf(pages), "long.pdf")
    document = await rows.run(documents.add_file, principal, base, file, About())
    before = most_mib()
    started = time.perf_counter()
    reader_most = await _most_of_children_during(ingesting.ingest(document.pk))
    seconds = time.perf_counter() - started
    ready = await rows.run(KnowledgeDocument.objects.get, pk=document.pk)
    assert ready.status == "ready", ready.reason
    return {
        "pages_a_second": round(pages / seconds, 1),
        "seconds": round(seconds, 2),
        "chunks": ready.chunk_count,
        "worker_grew_mib": round(most_mib() - before, 1),
        "reader_most_mib": reader_most,
    }


async def _most_of_children_during(work: Coroutine[Any, Any, None]) -> float:
    """Do it, and answer the most MiB that any process held which this one started meanwhile."""
    task, most = asyncio.create_task(work), 0.0
    while not task.done():
        most = max([most, *(most_mib(child.pid) for child in psutil.Process().children())])
        await asyncio.wait({task}, timeout=SECONDS_BETWEEN_LOOKS)
    await task
    return most


async def _ingest(principal: Any, base: Any, file: Any) -> None:
    from apps.opie import rows
    from apps.opie.knowledge import documents, ingesting
    from apps.opie.knowledge.documents import About

    document = await rows.run(documents.add_file, principal, base, file, About())
    await ingesting.ingest(document.pk)


async def _vectors(texts: Sequence[str], embedder: Any, **_: Any) -> Any:
    import numpy as np

    await asyncio.sleep(0)
    return np.full((len(texts), embedder.dimensions), embedder.dimensions**-0.5, dtype=np.float32)


def _pdf(pages: int) -> bytes:
    """A PDF of so many pages with different words on each, written by hand."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for page in range(pages):
        text = _text(page)
        lines = [text[at : at + 80] for at in range(0, len(text), 80)]
        stream = b"BT /F1 9 Tf 12 TL 40 800 Td " + b" ".join(f"({line}) Tj T*".encode() for line in lines) + b" ET"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        number = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % number
        )
        kids.append(b"%d 0 R" % (number + 1))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, b" ".join(kids))
    return _file_of(objects)


def _file_of(objects: Sequence[bytes]) -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    count = len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
    return bytes(out)


def _text(page: int) -> str:
    words = [f"word{(page * 131 + n * n * 17) % 9973}" for n in range(CHARACTERS_A_PAGE // 8)]
    return ". ".join(" ".join(words[at : at + 12]) for at in range(0, len(words), 12))[:CHARACTERS_A_PAGE]


if __name__ == "__main__":
    django.setup()
    print_figures(asyncio.run(_run(int(sys.argv[1]))))
