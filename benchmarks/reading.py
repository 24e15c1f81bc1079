"""Reading alone: pages a second from a text PDF to chunks, through the process that reads it, and the most memory of both
processes for a short file and a long one. Nothing is embedded or stored; `ingest` measures the whole."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.processes import ROOT, most_mib

PAGES = (200, 1000, 2000)
CHARACTERS_A_PAGE = 2000
RUNS = 3
TARGET_PAGES_A_SECOND = 100


def run() -> dict[str, Any]:
    """By pages: pages a second, and MiB of the process that asks and of the one that reads."""
    found: dict[str, dict[str, Any]] = {}
    print(f"{'pages':>6} {'pages/s':>9} {'chunks':>7} {'asks MiB':>9} {'reads MiB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for pages in PAGES:
            path = Path(folder, f"{pages}.pdf")
            path.write_bytes(_pdf(pages))
            figures = found[str(pages)] = _measured(path)
            print("{:>6} {pages_a_second:>9} {chunks:>7} {asking_mib:>9} {reading_mib:>10}".format(pages, **figures))
    slowest = min(one["pages_a_second"] for one in found.values())
    return {
        "by_pages": found,
        "target_pages_a_second": TARGET_PAGES_A_SECOND,
        "within_target": slowest >= TARGET_PAGES_A_SECOND,
    }


def _measured(path: Path) -> dict[str, Any]:
    """The median speed of some runs, each in a fresh process, and the most memory of any."""
    command = [sys.executable, "-m", "benchmarks.reading", str(path)]
    runs = [json.loads(subprocess.check_output(command, cwd=ROOT)) for _ in range(RUNS)]
    return {
        "pages_a_second": round(median(one["pages"] / one["seconds"] for one in runs), 1),
        "chunks": runs[0]["chunks"],
        "characters": runs[0]["characters"],
        "asking_mib": max(one["asking_mib"] for one in runs),
        "reading_mib": max(one["reading_mib"] for one in runs),
    }


async def _read(path: Path) -> dict[str, Any]:
    from apps.opie.knowledge.chunking import Chunker
    from apps.opie.knowledge.reading.reader import read

    chunker, chunks, characters, reading_most = Chunker(), 0, 0, 0.0
    started = time.perf_counter()
    async with read(path, path.name) as reading:
        async for section in reading:
            characters += len(section.text)
            chunks += len([chunk.digest for chunk in chunker.add(section)])
            if reading.parts_done % 50 == 0:
                reading_most = max([reading_most, *(most_mib(child.pid) for child in psutil.Process().children())])
    chunks += len(chunker.finish())
    return {
        "seconds": time.perf_counter() - started,
        "pages": reading.parts_done,
        "chunks": chunks,
        "characters": characters,
        "asking_mib": most_mib(),
        "reading_mib": reading_most,
    }


def _pdf(pages: int) -> bytes:
    from tests.opie.knowledge.documents import Part, pdf

    return pdf([Part(f"Chapter {page}", [_text(page)]) for page in range(1, pages + 1)])


def _text(page: int) -> str:
    """Sentences of twelve words, other ones on each page."""
    words = [f"word{(page * 131 + n * n * 17) % 9973}" for n in range(CHARACTERS_A_PAGE // 8)]
    return ". ".join(" ".join(words[at : at + 12]) for at in range(0, len(words), 12))[:CHARACTERS_A_PAGE]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_read(Path(sys.argv[1])))))
