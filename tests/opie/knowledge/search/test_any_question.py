"""Whatever is asked, a search answers, and from its own indexes alone."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.opie.knowledge.search import Filters, Mode, places, search_rows
from apps.opie.knowledge.search.words import index_lexeme
from apps.opie.knowledge.statistics import refresh_statistics
from tests.opie.knowledge.filling import Vectors, make_base, unit, write
from tests.opie.people import Person

VECTOR: Vectors = unit(np.ones((1, 384), dtype=np.float32))
AWKWARD = [
    *("'", "''", "\\", "\\'", '"', "a & b", "a | !b", "(a", "a:*", "a <-> b", ":A", "%s", "%(x)s", "{0}", "$1", ";--"),
    *("\0", "a\0b", "\ud800", "🛩️🛩️", "َُِ", "ﷺ", "\u202e", "\n\t", "NULL", "it's o'clock", "http://a.b/c?d=e&f"),
    *("x" * 3000, "wing " * 20_000, "".join(map(chr, range(1, 2000))), "1e400 -5.5e-3 0x1F"),
]


class Bases:
    """One of the person's own in each of three languages, and one of a stranger's with the same text."""

    def __init__(self, person: Person, stranger: Person) -> None:
        self.principal = person.principal
        texts = ["wings, tails & 'quotes' it's http://a.b/c", "🛩️ مدرسة Häuser \\ %s"]
        self.own = set()
        for language in ("english", "arabic", "simple"):
            written = write(make_base(person.team, person.user, language=language), texts, np.repeat(VECTOR, 2, axis=0))
            refresh_statistics(written.index.pk)
            self.own.add(written.base.pk)
        foreign = write(make_base(stranger.team, stranger.user), texts, np.repeat(VECTOR, 2, axis=0))
        self.foreign_name = index_lexeme(foreign.index.pk)

    def ask(self, question: str, mode: Mode, filters: Filters = Filters()) -> None:  # noqa: B008
        where = places(self.principal, question, None, filters)
        vectors = {place.embedded_by: VECTOR[0] for place in where}
        for hit in search_rows(self.principal, vectors, where, base_ids=None, mode=mode, filters=filters):
            assert hit.base_id in self.own


@pytest.fixture
def bases(person: Person, stranger: Person) -> Bases:
    return Bases(person, stranger)


def test_awkward_questions(bases: Bases) -> None:
    for question in AWKWARD:
        bases.ask(question, "hybrid")
        bases.ask(f"{bases.foreign_name} {question}", "text")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(max_size=300), tag=st.text(max_size=20), mode=st.sampled_from(["hybrid", "text", "vector"]))
def test_any_question(bases: Bases, question: str, tag: str, mode: Mode) -> None:
    bases.ask(question, mode)
    bases.ask(question + bases.foreign_name + question, mode, Filters(tags=[tag]))


def test_a_question_of_a_hundred_thousand_characters(bases: Bases) -> None:
    bases.ask("".join(f"word{number} " for number in range(12_000))[:100_000], "hybrid")
