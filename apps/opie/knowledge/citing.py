"""Passages that a run has read, by number, and those of them that its answer names. Pure.

The numbers go on through all searches of a run, so that [3] means one passage in the whole answer.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.opie.knowledge.search import Hit

# What an answer says of a passage: [3], [3, 5], [3][5], 【3】.
_MARKS = re.compile(r"[\[【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】]")
# Of those that were read and not named, so many are told.
MOST_UNNAMED = 5


def number(passages: list[dict[str, Any]], hits: "Sequence[Hit]") -> list[dict[str, Any]]:
    """Add what a search found to a run's passages; one that was found before keeps its number. Answers the search's
    own, in its order, each with the number it is cited by."""
    numbered = {passage["chunk_id"]: passage for passage in passages}
    found = []
    for hit in hits:
        passage = numbered.get(str(hit.chunk_id))
        if passage is None:
            passage = as_citation(hit) | {"number": len(passages) + 1}
            passages.append(passage)
            numbered[passage["chunk_id"]] = passage
        found.append(passage)
    return found


def as_citation(hit: "Hit") -> dict[str, Any]:
    """What is kept of a passage with an answer: where it is, and not what it says, which is its base's alone."""
    return {
        "chunk_id": str(hit.chunk_id),
        "document_id": str(hit.document_id),
        "base_id": str(hit.base_id),
        "title": hit.title,
        "location": hit.location,
        "url": hit.url,
        "score": round(hit.score, 4),
    }


def cited(passages: Iterable[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The passages that an answer names, in the order in which it does; where it names none, the first ones it was
    given, marked as not named."""
    by_number = {passage["number"]: passage for passage in passages}
    named = dict.fromkeys(n for n in numbers_in(text) if n in by_number)
    if named:
        return [by_number[n] | {"is_named": True} for n in named]
    return [passage | {"is_named": False} for passage in list(by_number.values())[:MOST_UNNAMED]]


def numbers_in(text: str) -> list[int]:
    """The numbers of all marks in a text, in order."""
    return [int(n) for mark in _MARKS.findall(text) for n in re.split(r"[,;]", mark)]


def place_of(location: dict[str, Any]) -> str:
    """Where in its document a passage is, in words: page 3, Refunds."""
    words = [f"{name} {location[name]}" for name in ("page", "slide", "row") if location.get(name)]
    if location.get("sheet"):
        words.insert(0, str(location["sheet"]))
    if location.get("heading"):
        words.append(str(location["heading"]))
    return ", ".join(words)
