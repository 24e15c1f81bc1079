"""In how many chunks each word is, and when that is counted again."""

import threading

import numpy as np
import pytest
from django.db import connection, transaction

from apps.api.ids import uuid7
from apps.opie.knowledge import statistics
from apps.opie.knowledge.statistics import refresh_statistics
from apps.opie.models import IndexLexeme, KnowledgeIndex
from tests.opie.knowledge.filling import Written, make_base, unit, write
from tests.opie.people import Person


def written(person: Person, texts: list[str]) -> Written:
    base = make_base(person.team, person.user, language="simple")
    return write(base, texts, unit(np.ones((len(texts), 384), dtype=np.float32)), per_document=1)


def counts(one: Written) -> dict[str, int]:
    return dict(IndexLexeme.objects.filter(index=one.index).values_list("lexeme", "chunks"))


def test_words_of_several_chunks_are_counted(person: Person) -> None:
    one = written(person, ["wing wing tail", "wing", "tail nose", ""])
    written(person, ["wing"] * 5)
    assert refresh_statistics(one.index.pk)
    assert counts(one) == {"wing": 2, "tail": 2}
    index = KnowledgeIndex.objects.get(pk=one.index.pk)
    assert (index.counted_chunks, index.mean_length) == (4, 1.5)
    assert index.counted_at is not None


def test_a_small_index_is_counted_whenever_that_is_asked_for(person: Person) -> None:
    one = written(person, ["wing", "wing", "tail"])
    refresh_statistics(one.index.pk)
    one.base.documents.filter(pk=one.document_ids[0]).delete()
    assert refresh_statistics(one.index.pk)
    assert counts(one) == {}


@pytest.mark.parametrize(("gone", "is_counted"), [(1, False), (2, True)])
def test_a_large_one_when_more_than_a_tenth_has_changed(
    person: Person, monkeypatch: pytest.MonkeyPatch, gone: int, is_counted: bool
) -> None:
    monkeypatch.setattr(statistics, "SMALL", 5)
    one = written(person, ["wing"] * 15)
    refresh_statistics(one.index.pk)
    one.base.documents.filter(pk__in=one.document_ids[:gone]).delete()
    assert refresh_statistics(one.index.pk) is is_counted
    assert refresh_statistics(one.index.pk, force=True)
    assert counts(one) == {"wing": 15 - gone}


def test_an_index_that_is_gone_has_nothing_to_count(person: Person) -> None:
    assert not refresh_statistics(uuid7())


def test_two_do_not_count_at_once(person: Person) -> None:
    one = written(person, ["wing", "wing"])
    answers: list[bool] = []

    def other() -> None:
        try:
            answers.append(refresh_statistics(one.index.pk))
        finally:
            connection.close()

    with transaction.atomic():
        assert refresh_statistics(one.index.pk)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
    assert answers == [False]
