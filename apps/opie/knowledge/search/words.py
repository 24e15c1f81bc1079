"""The words of a question, as they are looked for in `Chunk.words`.

Whoever writes chunks fills `words` with the database's `opie_words(language, index_id, heading, text)`, and `length` with
its `opie_length(words)` (migration 0011).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

# Chunks that are ranked: words are looked up from the rarest on, for as long as they are in no more chunks than this.
CANDIDATES = 2000
# Of a word that alone is in more chunks than that, so many are ranked.
MOST_CANDIDATES = 10_000
# Of a longer question the rarest words count.
MOST_WORDS = 48


def index_lexeme(index_id: UUID) -> str:
    """The lexeme that is in every chunk of an index and in no text."""
    return f"ix {index_id.hex}"


@dataclass(frozen=True, slots=True)
class Word:
    """A lexeme of the question, in how many chunks it is, and how much that makes it say (BM25's idf)."""

    lexeme: str
    chunks: int
    weight: float


def weighed(counts: Iterable[tuple[str, int | None]], chunks: int) -> list[Word]:
    """The question's words, the rarest first, from in how many of `chunks` chunks each is. One that is not counted is in
    none or one, or was written since. Without statistics (`chunks` is 0) all weigh the same."""
    totals: dict[str, int] = {}
    for lexeme, count in counts:
        totals[lexeme] = totals.get(lexeme, 0) + (count or 0)
    words = [Word(lexeme, total, _idf(total, chunks)) for lexeme, total in totals.items()]
    return sorted(words, key=lambda word: (word.chunks, word.lexeme))[:MOST_WORDS]


def _idf(chunks_with: int, chunks: int) -> float:
    if not chunks:
        return 1.0
    known = min(max(chunks_with, 1), chunks)
    return math.log(1 + (chunks - known + 0.5) / (known + 0.5))


def looked_up(words: Sequence[Word], chunks: int) -> list[Word]:
    """The words that decide which chunks are ranked at all: every one of a small index, else the rarest, and the rarest
    of all in any case."""
    if chunks <= CANDIDATES:
        return list(words)
    taken, together = list(words[:1]), words[0].chunks if words else 0
    for word in words[1:]:
        together += word.chunks
        if together > CANDIDATES:
            break
        taken.append(word)
    return taken


def as_query(index_ids: Iterable[UUID], words: Iterable[Word]) -> str:
    """A tsquery: one of the words, in a chunk of one of the indexes."""
    indexes = " | ".join(quoted(index_lexeme(index_id)) for index_id in index_ids)
    return f"({indexes}) & ({' | '.join(quoted(word.lexeme) for word in words)})"


def quoted(lexeme: str) -> str:
    """A lexeme as a tsquery takes it, whatever is in it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
