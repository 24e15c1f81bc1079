"""What is found, against the same worked out by hand."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection

from apps.opie.knowledge.search import Filters, Hit, places, search, search_rows
from apps.opie.knowledge.search.statement import FUSIONS
from apps.opie.knowledge.statistics import refresh_statistics
from tests.opie.knowledge.filling import FIRST_DAY, Subjects, Vectors, Written, make_base, unit, write
from tests.opie.knowledge.search import brute
from tests.opie.knowledge.search.conftest import Find
from tests.opie.people import Person


class Filled:
    """A base of 300 chunks in 15 documents, counted, and some questions."""

    def __init__(self, person: Person, *, language: str = "simple") -> None:
        subjects = Subjects.make(8, 384, words=400, seed=7)
        self.texts, self.vectors = subjects.chunks(300, length=40)
        self.base = make_base(person.team, person.user, language=language)
        self.written = write(self.base, self.texts, self.vectors, tags=(("a", "b"), ("a",), ()))
        refresh_statistics(self.written.index.pk)
        self.questions, self.asked = subjects.questions(6, length=5)

    def places_of(self, hits: Sequence[Hit]) -> list[int]:
        return [self.written.chunk_ids.index(hit.chunk_id) for hit in hits]


@pytest.fixture
def filled(person: Person) -> Filled:
    return Filled(person)


def test_by_meaning_the_nearest_vectors(filled: Filled, person: Person, find: Find) -> None:
    for question, vector in zip(filled.questions, filled.asked, strict=True):
        hits = find(person.principal, question, vector, mode="vector")
        assert filled.places_of(hits) == brute.nearest(filled.vectors, vector, 10)
        assert [hit.vector_rank for hit in hits] == list(range(1, 11))
        assert [hit.score for hit in hits] == pytest.approx(sorted(filled.vectors @ vector)[:-11:-1], abs=1e-4)
        assert {hit.text_rank for hit in hits} == {None}


def test_by_words_what_bm25_says(filled: Filled, person: Person, find: Find) -> None:
    for question in filled.questions:
        expected = brute.bm25(filled.texts, question)
        hits = find(person.principal, question, mode="text")
        assert [hit.score for hit in hits] == pytest.approx(sorted(expected)[:-11:-1], rel=1e-4)
        assert [expected[place] for place in filled.places_of(hits)] == pytest.approx(
            [hit.text_score for hit in hits], rel=1e-4
        )


@pytest.mark.parametrize("times", [1, 2, 3, 7, 20, 60, 200, 255])
def test_a_word_is_counted_as_often_as_it_is_there(person: Person, find: Find, times: int) -> None:
    base = make_base(person.team, person.user, language="simple")
    others = " ".join(f"word{number}" for number in range(300 - times))
    texts = ["wing " * times + others, "tail " * 200]
    written = write(base, texts, unit(np.ones((2, 384), dtype=np.float32)))
    refresh_statistics(written.index.pk)
    (hit,) = find(person.principal, "wing", mode="text")
    assert hit.score == pytest.approx(brute.bm25(texts, "wing")[0], rel=1e-4)


def test_a_heading_weighs_as_three(person: Person, find: Find) -> None:
    base = make_base(person.team, person.user, language="simple")
    texts, headings = (
        ["tail nose"] * 3 + ["wing tail wing", "wing wing wing wing nose"],
        ["wing", "wing wing", "nose", "", "nose"],
    )
    written = write(base, texts, unit(np.ones((5, 384), dtype=np.float32)), headings=headings)
    refresh_statistics(written.index.pk)
    for question in ("wing", "nose tail", "wing tail"):
        expected = brute.bm25(texts, question, headings)
        hits = find(person.principal, question, mode="text")
        found = {written.chunk_ids.index(hit.chunk_id): hit.score for hit in hits}
        assert found == pytest.approx({place: score for place, score in enumerate(expected) if score}, rel=1e-4)


def test_both_are_fused_by_rank(filled: Filled, person: Person, find: Find) -> None:
    fusion = FUSIONS["hybrid"]
    for question, vector in zip(filled.questions, filled.asked, strict=True):
        by_meaning = {
            h.chunk_id: h.vector_rank for h in find(person.principal, question, vector, mode="vector", limit=100)
        }
        by_words = {h.chunk_id: h.text_rank for h in find(person.principal, question, mode="text", limit=100)}
        expected = {}
        for chunk_id in by_meaning.keys() | by_words.keys():
            ranks = ((fusion.vector, by_meaning.get(chunk_id)), (fusion.text, by_words.get(chunk_id)))
            expected[chunk_id] = sum(weight / (fusion.k + rank) for weight, rank in ranks if rank) / fusion.best
        hits = find(person.principal, question, vector)
        assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values())[:-11:-1])
        assert [expected[hit.chunk_id] for hit in hits] == pytest.approx([hit.score for hit in hits])
        assert all(0 < hit.score <= 1 for hit in hits)


def test_what_is_found_says_where_it_is(filled: Filled, person: Person, find: Find) -> None:
    (hit,) = find(person.principal, filled.questions[0], filled.asked[0], limit=1)
    place = filled.written.chunk_ids.index(hit.chunk_id)
    assert hit.text == filled.texts[place]
    assert hit.document_id == filled.written.document_ids[place]
    assert hit.title == f"Document {place // 20}"
    assert hit.location == {"page": place % 20 + 1}
    assert hit.base_id == filled.base.pk
    said = hit.as_json()
    assert said["chunk_id"] == str(hit.chunk_id)
    assert said.keys() >= {"document_id", "title", "chunk_id", "text", "score", "location"}


FILTERS = {
    "one document": lambda written: Filters(document_ids=[written.document_ids[45]]),
    "no document": lambda written: Filters(document_ids=[]),
    "a tag": lambda written: Filters(tags=["a"]),
    "all of two tags": lambda written: Filters(tags=["b", "a"]),
    "since": lambda written: Filters(since=FIRST_DAY + timedelta(days=4)),
    "until": lambda written: Filters(until=FIRST_DAY + timedelta(days=4)),
    "one day, and a tag": lambda written: Filters(
        since=FIRST_DAY + timedelta(days=3), until=FIRST_DAY + timedelta(days=4), tags=["a"]
    ),
    "an unknown tag": lambda written: Filters(tags=["\0; DROP TABLE x"]),
}


def left(filters: Filters, written: Written, place: int) -> bool:
    """Whether a chunk of `Filled` passes."""
    document = place // 20
    tags, dated = [{"a", "b"}, {"a"}, set()][document % 3], FIRST_DAY + timedelta(days=document)
    return (
        (filters.document_ids is None or written.document_ids[place] in filters.document_ids)
        and set(filters.tags) <= tags
        and (filters.since is None or dated >= filters.since)
        and (filters.until is None or dated <= filters.until)
    )


@pytest.mark.parametrize("name", FILTERS)
def test_filters(filled: Filled, person: Person, find: Find, name: str) -> None:
    filters = FILTERS[name](filled.written)
    question, vector = filled.questions[1], filled.asked[1]
    passing = [place for place in range(300) if left(filters, filled.written, place)]
    nearest = [place for place in brute.nearest(filled.vectors, vector, 300) if place in passing]
    assert filled.places_of(find(person.principal, question, vector, mode="vector", filters=filters)) == nearest[:10]
    scores = brute.bm25(filled.texts, question)
    best = sorted((scores[place] for place in passing if scores[place]), reverse=True)[:10]
    hits = find(person.principal, question, mode="text", filters=filters)
    assert [hit.score for hit in hits] == pytest.approx(best, rel=1e-4)
    both = find(person.principal, question, vector, filters=filters)
    assert set(filled.places_of(both)) <= set(passing)
    assert len(both) == min(10, len(passing))


def test_several_bases_and_widths_are_searched_together(person: Person, find: Find) -> None:
    rng = np.random.default_rng(3)
    vectors: dict[str, Vectors] = {}
    for dimensions in (100, 384, 768, 1000, 1536, 3072):
        base = make_base(person.team, person.user, dimensions=dimensions, model=f"m{dimensions}", language="simple")
        chunks = unit(rng.standard_normal((5, dimensions)).astype(np.float32))
        write(base, [f"dimensions {dimensions} chunk {number}" for number in range(5)], chunks)
        vectors[f"m{dimensions}"] = chunks[2]
    hits = find(person.principal, "chunk 2", vectors, limit=6)
    assert {hit.text for hit in hits} == {f"dimensions {model[1:]} chunk 2" for model in vectors}
    assert {hit.vector_rank for hit in hits} == {1}
    assert all(hit.distance == pytest.approx(0, abs=1e-3) for hit in hits)


def test_each_language_finds_its_own_forms(person: Person, find: Find) -> None:
    texts = {
        "german": ("Die Häuser der Städte wurden verkauft.", "Haus in der Stadt verkaufen"),
        "arabic": ("المدارس الجديدة في المدينة", "مدرسة مدينة"),
        "english": ("The houses of the cities were sold.", "selling house city"),
        "simple": ("Serial number XK-42", "xk-42"),
    }
    for language, (text, _) in texts.items():
        base = make_base(person.team, person.user, language=language, name=language)
        write(base, [text], unit(np.ones((1, 384), dtype=np.float32)))
    for text, question in texts.values():
        assert find(person.principal, question, mode="text")[0].text == text


def test_words_that_a_language_leaves_out_find_something_when_there_are_no_others(person: Person, find: Find) -> None:
    base = make_base(person.team, person.user, language="english")
    write(base, ["To be, or not to be", "Wings and tails"], unit(np.ones((2, 384), dtype=np.float32)))
    assert [hit.text for hit in find(person.principal, "to be or not", mode="text")] == ["To be, or not to be"]
    assert [hit.text for hit in find(person.principal, "to be a wing", mode="text")] == ["Wings and tails"]


def test_a_word_of_many_chunks_still_finds_them(person: Person, find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.opie.knowledge.search.words.CANDIDATES", 10)
    base = make_base(person.team, person.user, language="simple")
    texts = ["common"] * 40 + ["common rare"] * 5 + ["middling common"] * 20
    written = write(base, texts, unit(np.ones((65, 384), dtype=np.float32)))
    refresh_statistics(written.index.pk)
    assert {hit.text for hit in find(person.principal, "common", mode="text", limit=5)} == {"common"}
    # Only the rare word's chunks are ranked, by all words.
    hits = find(person.principal, "common middling rare", mode="text", limit=50)
    assert [hit.text for hit in hits] == ["common rare"] * 5
    assert hits[0].score == pytest.approx(brute.bm25(texts, "common rare")[40], rel=1e-3)


def test_before_anything_is_counted_words_weigh_the_same(person: Person, find: Find) -> None:
    base = make_base(person.team, person.user, language="simple")
    write(base, ["one", "one two", "three"], unit(np.ones((3, 384), dtype=np.float32)))
    assert [hit.text for hit in find(person.principal, "one two", mode="text")] == ["one two", "one"]


def test_an_index_that_went_out_of_use_during_a_search_is_still_searched(
    filled: Filled, person: Person, find: Find
) -> None:
    where = places(person.principal, filled.questions[0], None, Filters())
    filled.base.live_index = None
    filled.base.save()
    assert search_rows(person.principal, {}, where, base_ids=None, mode="text")
    assert not places(person.principal, filled.questions[0], None, Filters())


@pytest.mark.parametrize("limit", [0, -1])
async def test_nothing_is_asked_for(filled: Filled, person: Person, limit: int) -> None:
    assert await search(person.principal, "word", base_ids=None, limit=limit) == []
    assert await search(person.principal, " \0\n", base_ids=None) == []


def test_at_most_a_hundred_are_answered(filled: Filled, person: Person, find: Find) -> None:
    assert len(find(person.principal, "", filled.asked[0], mode="vector", limit=1_000_000)) == 100


def test_a_vector_without_a_direction_finds_nothing_by_meaning(filled: Filled, person: Person, find: Find) -> None:
    zeros = np.zeros(384, dtype=np.float32)
    assert find(person.principal, filled.questions[0], zeros, mode="vector") == []
    assert find(person.principal, filled.questions[0], zeros)


def test_settings_of_a_search_end_with_it(filled: Filled, person: Person, find: Find) -> None:
    find(person.principal, filled.questions[0], filled.asked[0])
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_seqscan")
        assert cursor.fetchone() == ("on",)
