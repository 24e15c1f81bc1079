"""The half of a search that goes by words: BM25, computed in the database.

PostgreSQL's own ranking does not know which words are rare. Here the GIN index finds the chunks of these indexes that have
one of the question's rarer words, and each is scored by all of them: how rare the word is (`IndexLexeme`), how often it
is in the chunk, and how long the chunk is.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from apps.opie.knowledge.search.hits import Filters
from apps.opie.knowledge.search.readable import Place, chunks_left
from apps.opie.knowledge.search.sql import Sql
from apps.opie.knowledge.search.words import MOST_CANDIDATES, Word, as_query, looked_up, quoted, weighed
from apps.opie.models.chunks import table_of

# BM25's k1 and b: how soon more of the same word says nothing more, and how much a long chunk has to give way. A word in
# the heading counts as so many in the text. Chosen, with the fusion, on every second question of benchmarks/retrieval.py.
SATURATION, LENGTHS = 2.0, 0.75
IN_HEADING = 3
NO_WORDS = Sql("SELECT NULL::uuid AS id, NULL::uuid AS index_id, 0::float8 AS score WHERE false")


def worded(places: Sequence[Place], filters: Filters, depth: int) -> Iterable[Sql]:
    """Statements for (id, index_id, score). The indexes of one language and table are one collection: what a word weighs
    is counted over all of them, so that scores of different bases can be compared."""
    groups: dict[tuple[int, str], list[Place]] = defaultdict(list)
    for place in places:
        if place.words:
            groups[place.width, place.language].append(place)
    for (width, _), group in groups.items():
        chunks = sum(place.chunks for place in group)
        words = weighed((count for place in group for count in place.words), chunks)
        query = as_query((place.index_id for place in group), looked_up(words, chunks))
        yield (
            Sql(_CANDIDATES.format(table=table_of(width)), (query,))
            + chunks_left(filters)
            + Sql(_SCORED, (MOST_CANDIDATES, *_saturation(group, chunks), *_weights(words), IN_HEADING - 1, depth))
        )


def _weights(words: Sequence[Word]) -> tuple[list[str], list[float]]:
    return [quoted(word.lexeme) for word in words], [word.weight for word in words]


def _saturation(group: Sequence[Place], chunks: int) -> tuple[float, float, float]:
    """BM25's constants: a word n times in a text of some length counts n * first / (n + second + third * length)."""
    mean = sum(place.mean_length * place.chunks for place in group) / chunks if chunks else 0.0
    if not mean:
        return SATURATION + 1, SATURATION, 0.0
    return SATURATION + 1, SATURATION * (1 - LENGTHS), SATURATION * LENGTHS / mean


# The words are unpacked from their row once, and not again for each of the question's.
_CANDIDATES = """(SELECT c.id, c.index_id, said.score FROM (
    SELECT c.id, c.index_id, c.length, c.words || '' AS words FROM {table} c WHERE c.words @@ %s::tsquery"""
# ts_rank of one word with equal weights is the sum of 1/n² up to its number of places, over that sum without end (π²/6).
# What is missing of it is 1/(places + ½) within a hundredth: so many places there are, without a look at each. With no
# weight but the heading's, whose places come first, the same counts those.
_SCORED = """ LIMIT %s) c JOIN readable r ON r.index_id = c.index_id
CROSS JOIN LATERAL (
    SELECT sum(weight * places * %s / (places + %s + %s * c.length)) AS score
    FROM unnest(%s::tsquery[], %s::float8[]) AS word (query, weight)
    CROSS JOIN LATERAL (SELECT ts_rank('{1,1,1,1}', c.words, word.query) AS anywhere OFFSET 0) ranked
    CROSS JOIN LATERAL (
        SELECT round(0.607927101854 / (1.0000001 - anywhere) - 0.5)
            + %s * round(0.607927101854 / (1.0000001 - ts_rank('{0,0,0,1}', c.words, word.query)) - 0.5) AS places
        OFFSET 0
    ) counted
    WHERE anywhere > 0
) said
ORDER BY said.score DESC, c.id LIMIT %s)"""
