"""Nobody finds what they may not read: not by asking for its base, not by its words, not by its vectors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.db import connection

from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.knowledge.search import Filters, Place, places, search_rows
from apps.opie.knowledge.search.readable import readable_indexes
from apps.opie.knowledge.search.words import index_lexeme
from apps.opie.knowledge.statistics import refresh_statistics
from apps.opie.models import KnowledgeBase
from tests.opie.knowledge.filling import Vectors, Written, make_base, unit, write
from tests.opie.knowledge.search.conftest import Find
from tests.opie.models.test_isolation import EVERYBODY, ONLY_OWN, TEAM
from tests.opie.people import Person

VECTOR: Vectors = unit(np.ones((1, 384), dtype=np.float32))
SEEN_BY = {"private": ONLY_OWN, "team": TEAM, "public": EVERYBODY}


def written_by(person: Person, visibility: str) -> Written:
    base = make_base(person.team, person.user, visibility=visibility, language="simple")
    written = write(base, ["the secret wing"], VECTOR)
    refresh_statistics(written.index.pk)
    return written


@pytest.mark.parametrize("visibility", SEEN_BY)
@pytest.mark.parametrize("mode", ["hybrid", "vector", "text"])
@pytest.mark.parametrize("asks_for", ["everything", "the base"])
def test_who_finds_it(
    ann: Person, viewers: dict[str, Principal], find: Find, visibility: str, mode: str, asks_for: str
) -> None:
    written = written_by(ann, visibility)
    base_ids = None if asks_for == "everything" else [written.base.pk]
    found_by = {
        name
        for name, principal in viewers.items()
        if find(principal, "secret", VECTOR[0], base_ids=base_ids, mode=mode)
    }
    assert found_by == SEEN_BY[visibility]


@pytest.mark.parametrize("visibility", SEEN_BY)
def test_the_statement_itself_decides(ann: Person, viewers: dict[str, Principal], find: Find, visibility: str) -> None:
    """Whoever got hold of somebody else's places, with the id of index and base, finds nothing by them."""
    written = written_by(ann, visibility)
    stolen = places(ann.principal, "secret", None, Filters())
    for has_graph in (False, True):
        handed_in = [
            replace(place, has_graph=has_graph, matching=matching) for place in stolen for matching in (None, 1)
        ]
        found_by = {
            name for name, principal in viewers.items() if _search(principal, handed_in, base_ids=[written.base.pk])
        }
        assert found_by == SEEN_BY[visibility]


def _search(principal: Principal, where: list[Place], **options: Any) -> list[Any]:
    vectors = {place.embedded_by: VECTOR[0] for place in where}
    return search_rows(principal, vectors, where, **options)


def test_a_right_that_is_taken_away_during_a_search_counts_at_once(ann: Person, viewers: dict[str, Principal]) -> None:
    written = written_by(ann, "team")
    where = places(viewers["ben"], "secret", None, Filters())
    assert _search(viewers["ben"], where, base_ids=None)
    KnowledgeBase.objects.filter(pk=written.base.pk).update(visibility="private")
    assert _search(viewers["ben"], where, base_ids=None) == []


@pytest.mark.parametrize("visibility", SEEN_BY)
def test_the_statement_and_the_rows_have_one_rule(ann: Person, viewers: dict[str, Principal], visibility: str) -> None:
    for owner in (ann, None):
        base = make_base(ann.team, owner.user if owner else None, visibility=visibility)
        assert base.live_index is not None
        for principal in viewers.values():
            may = set(KnowledgeBase.objects.visible_to(principal).values_list("pk", "live_index"))
            for index_ids in (None, [base.live_index.pk]):
                readable = readable_indexes(principal, None, index_ids)
                assert readable is not None
                with connection.cursor() as cursor:
                    cursor.execute(readable.text, readable.values)
                    found = {(base_id, index_id) for base_id, index_id, *_ in cursor.fetchall()}
                assert found == (may if index_ids is None else {row for row in may if row[1] in index_ids})


def test_a_foreign_base_is_as_one_that_does_not_exist(ann: Person, viewers: dict[str, Principal], find: Find) -> None:
    vault = written_by(ann, "private")
    for base_id in (vault.base.pk, uuid7()):
        assert places(viewers["eve"], "secret", [base_id], Filters(document_ids=vault.document_ids)) == []
        assert find(viewers["eve"], "secret", VECTOR[0], base_ids=[base_id]) == []


def test_foreign_documents_in_a_filter_find_nothing(ann: Person, stranger: Person, find: Find) -> None:
    vault = written_by(ann, "private")
    own = written_by(stranger, "private")
    filters = Filters(document_ids=[*vault.document_ids, *own.document_ids])
    hits = find(stranger.principal, "secret", VECTOR[0], filters=filters)
    assert [hit.chunk_id for hit in hits] == own.chunk_ids


def test_what_others_write_does_not_change_a_score(ann: Person, stranger: Person, find: Find) -> None:
    """How rare a word is elsewhere would tell what is there."""
    written_by(ann, "private")
    before = find(ann.principal, "secret wing", VECTOR[0])
    for _ in range(3):
        written_by(stranger, "private")
    assert find(ann.principal, "secret wing", VECTOR[0]) == before


@pytest.mark.parametrize("form", ["{}", "'{}'", "secret' | '{}", "secret & {}", "{}:*", "\\'{}"])
def test_the_name_of_a_foreign_index_is_a_word_like_any_other(
    ann: Person, stranger: Person, find: Find, form: str
) -> None:
    vault = written_by(ann, "private")
    own = written_by(stranger, "private")
    for name in (index_lexeme(vault.index.pk), index_lexeme(vault.index.pk).replace(" ", "")):
        hits = find(stranger.principal, form.format(name), VECTOR[0])
        assert {hit.base_id for hit in hits} <= {own.base.pk}
