"""The numbers of passages, and what an answer names of them."""

from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.opie.knowledge.citing import cited, number, numbers_in, place_of
from apps.opie.knowledge.search import Hit


def hit(title: str, chunk: UUID | None = None) -> Hit:
    return Hit(
        chunk_id=chunk or uuid4(), document_id=uuid4(), base_id=uuid4(), title=title, heading="", text="secret",
        location={"page": 3}, score=0.5, vector_rank=1, text_rank=None, distance=0.1, text_score=None, url="", tags=[],
        dated=date(2026, 1, 1),
    )  # fmt: skip


def test_numbers_go_on_and_stay() -> None:
    passages: list[dict[str, object]] = []
    same = uuid4()
    first = number(passages, [hit("a", same), hit("b")])
    second = number(passages, [hit("c"), hit("a", same)])
    assert [one["number"] for one in first] == [1, 2]
    assert [one["number"] for one in second] == [3, 1]
    assert [one["title"] for one in passages] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("So it is [2].", [2]),
        ("So [1][3], and [2, 3].", [1, 3, 2, 3]),
        ("Auch 【4】 und [5; 6]", [4, 5, 6]),
        ("a[0] of [10:20] in [2026-01-01] and [x]", [0]),
        ("nothing", []),
    ],
)
def test_marks(text: str, numbers: list[int]) -> None:
    assert numbers_in(text) == numbers


def test_only_what_was_read_is_cited_in_the_order_of_the_answer() -> None:
    passages: list[dict[str, object]] = []
    number(passages, [hit("a"), hit("b"), hit("c")])
    found = cited(passages, "First [3], then [1] and [3], and [77].")
    assert [(one["title"], one["is_named"]) for one in found] == [("c", True), ("a", True)]
    assert all("secret" not in str(one) for one in found)


def test_an_answer_without_marks_was_given_the_first_ones() -> None:
    passages: list[dict[str, object]] = []
    number(passages, [hit(str(n)) for n in range(9)])
    assert [one["title"] for one in cited(passages, "Nothing.")] == ["0", "1", "2", "3", "4"]
    assert cited([], "Nothing [1].") == []


@given(st.text())
def test_any_text_is_searched_for_marks(text: str) -> None:
    assert all(0 <= n <= 999 for n in numbers_in(text))


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ({}, ""),
        ({"page": 3, "heading": "Returns"}, "page 3, Returns"),
        ({"slide": 2}, "slide 2"),
        ({"sheet": "Q3", "row": 12}, "Q3, row 12"),
    ],
)
def test_places(location: dict[str, object], words: str) -> None:
    assert place_of(location) == words
