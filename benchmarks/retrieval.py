"""How well what is found answers: nDCG@10 on the Cranfield collection through the public search, by meaning, by words and by
both, beside BM25 from a library.

The collection lies beside the project, in ../shared/data/cranfield, or where CRANFIELD says. Its judgments number the
questions by their position; their grades are taken as gains.
"""

import asyncio
import os
import re
import sys
import xml.sax.saxutils
from collections import defaultdict
from collections.abc import Callable, Sequence
from math import log2
from pathlib import Path
from typing import Any

import django

from benchmarks.in_django import figures_of, print_figures, someone
from benchmarks.processes import ROOT

MODES = ("hybrid", "vector", "text")
DEPTH = 10
# Several chunks may be of one document.
HITS = 60


def run() -> dict[str, Any]:
    """nDCG@10 by way of searching, over all questions and over those that nothing was tuned on (every second one)."""
    folder = Path(os.environ.get("CRANFIELD", ROOT.parent / "shared" / "data" / "cranfield"))
    if not (folder / "cran.all.1400.xml").exists():
        raise SystemExit(f"The Cranfield collection is not in {folder}. Set CRANFIELD to the folder that has it.")
    figures = figures_of("benchmarks.retrieval", str(folder))
    print(f"{'':28}{'all':>8}{'not tuned on':>16}")
    for name, found in figures["ndcg"].items():
        print(f"{name:28}{found['all']:>8.4f}{found['held_out']:>16.4f}")
    return figures


async def _run(folder: Path) -> dict[str, Any]:
    from apps.opie import rows
    from apps.opie.knowledge.bases import create_base
    from apps.opie.scope import current_scope

    scope = await rows.run(someone)
    current_scope.set(scope)
    texts, questions, judged = _documents(folder), _questions(folder), _judgments(folder)
    base = await rows.run(create_base, scope.principal, {"name": "Cranfield", "language": "english"})
    numbers = await _fill(scope.principal, base, texts)
    found: dict[str, list[float]] = {}
    for mode in MODES:
        found[mode] = [
            _ndcg(await _ask(scope.principal, base, question, mode, numbers), judged[place])
            for place, question in enumerate(questions, start=1)
        ]
    ranked = _bm25(texts)
    found["BM25 (bm25s, stemmed)"] = [
        _ndcg(ranked(question), judged[place]) for place, question in enumerate(questions, start=1)
    ]
    return {
        "questions": len(questions),
        "documents": len(texts),
        "ndcg": {name: _means(v) for name, v in found.items()},
    }


def _means(values: Sequence[float]) -> dict[str, float]:
    held_out = values[1::2]
    return {"all": round(sum(values) / len(values), 4), "held_out": round(sum(held_out) / len(held_out), 4)}


async def _fill(principal: Any, base: Any, texts: dict[int, str]) -> dict[Any, int]:
    """Hand all documents in and read them; answers the number of each document's row."""
    from apps.opie import rows
    from apps.opie.knowledge import documents
    from apps.opie.knowledge.documents import About
    from apps.opie.knowledge.ingesting import ingest
    from apps.opie.knowledge.statistics import refresh_statistics

    numbers: dict[Any, int] = {}

    async def add(number: int, text: str) -> None:
        title, _, body = text.partition("\n\n")
        added = await rows.run(documents.add_text, principal, base, body or title, About(title=title))
        numbers[added.pk] = number
        await ingest(added.pk)

    waiting = list(texts.items())
    while waiting:
        await asyncio.gather(*(add(*one) for one in waiting[:4]))
        del waiting[:4]
    await rows.run(refresh_statistics, base.live_index_id, force=True)
    return numbers


async def _ask(principal: Any, base: Any, question: str, mode: Any, numbers: dict[Any, int]) -> list[int]:
    from apps.opie.knowledge.search import search

    hits = await search(principal, question, base_ids=[base.pk], limit=HITS, mode=mode)
    return list(dict.fromkeys(numbers[hit.document_id] for hit in hits))[:DEPTH]


def _bm25(texts: dict[int, str]) -> Callable[[str], list[int]]:
    import bm25s
    import Stemmer

    stemmer, numbers = Stemmer.Stemmer("english"), list(texts)
    index = bm25s.BM25()
    index.index(
        bm25s.tokenize(list(texts.values()), stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False
    )

    def ranked(question: str) -> list[int]:
        asked = bm25s.tokenize([question], stopwords="en", stemmer=stemmer, show_progress=False)
        places, _ = index.retrieve(asked, k=DEPTH, show_progress=False)
        return [numbers[place] for place in places[0]]

    return ranked


def _ndcg(ranked: Sequence[int], gains: dict[int, int]) -> float:
    """Normalised discounted cumulative gain of the first ten (Järvelin and Kekäläinen, 2002)."""
    got = sum(gains.get(number, 0) / log2(place + 2) for place, number in enumerate(ranked[:DEPTH]))
    best = sum(gain / log2(place + 2) for place, gain in enumerate(sorted(gains.values(), reverse=True)[:DEPTH]))
    return got / best if best else 0.0


def _documents(folder: Path) -> dict[int, str]:
    """Number → title and text; those without any text are left out."""
    found = {}
    for one in re.findall(r"<doc>(.*?)</doc>", (folder / "cran.all.1400.xml").read_text(), re.DOTALL):
        number, title, text = int(_of("docno", one)), _of("title", one), _of("text", one)
        body = text.removeprefix(title).strip()
        if title or body:
            found[number] = " ".join(title.split()) + "\n\n" + body
    return found


def _questions(folder: Path) -> list[str]:
    text = (folder / "cran.qry.xml").read_text()
    return [" ".join(_of("title", one).split()) for one in re.findall(r"<top>(.*?)</top>", text, re.DOTALL)]


def _judgments(folder: Path) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for line in (folder / "cranqrel.trec.txt").read_text().splitlines():
        question, _, document, grade = map(int, line.split())
        found[question][document] = grade
    return found


def _of(tag: str, text: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return xml.sax.saxutils.unescape(found[1]).strip() if found else ""


if __name__ == "__main__":
    django.setup()
    print_figures(asyncio.run(_run(Path(sys.argv[1]))))
