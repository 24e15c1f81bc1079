"""Words as they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.opie.engine.dispatcher.matching import hear
from apps.opie.engine.dispatcher.vocabulary import capabilities
from apps.opie.engine.dispatcher.words import is_english, phrase_of, stem, words_of


@pytest.mark.parametrize(
    "alike",
    [
        ("review", "reviews", "reviewed", "reviewing", "Review"),
        ("story", "stories"),
        ("requirement", "requirements", "REQUIREMENTS"),
        ("Anforderung", "Anforderungen"),
        ("prüfen", "prufen", "pru\u0308fen"),
        ("cláusula", "clausulas"),
        ("العقد", "عقد", "والعقد"),
    ],
)
def test_a_word_is_the_same_in_its_forms(alike: tuple[str, ...]) -> None:
    assert len({tuple(words_of(word)) for word in alike}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("code", "codex"), ("cook", "cookies"), ("test", "taste"), ("C", "C++"), ("C#", "C++")]
)
def test_other_words_stay_apart(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)


def test_what_is_joined_is_there_whole_and_in_parts() -> None:
    assert words_of("CI/CD") == ["ci", "cd", "cicd"]
    assert phrase_of("go/no-go") == ("go", "no", "go")
    assert phrase_of("user-story") == phrase_of("User stories")


def test_a_phrase_is_heard_only_in_order() -> None:
    assert phrase_of("pull request") in hear("Look at these pull requests").phrases
    assert phrase_of("pull request") not in hear("I request that you pull").phrases


def test_a_long_task_is_read_at_its_beginning_and_its_end() -> None:
    heard = hear("contract " + "filler " * 20_000 + "lawsuit").words
    assert {"contract", "lawsuit"} <= heard.keys()
    assert len(hear("x" * 100_000).phrases) < 10


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Review this code", True),
        ("hi", True),
        ("", True),
        ("def f(x): return x", True),
        ("Prüfe bitte den Code und die Tests", False),
        ("Revisa el código de la aplicación", False),
        ("راجع الكود", False),
        ("проверь код", False),
        ("Vérifie le code pour nous", False),
    ],
)
def test_what_is_english(text: str, english: bool) -> None:
    assert is_english(text) is english


@given(st.text(max_size=300))
def test_any_text_has_words(text: str) -> None:
    words = words_of(text)
    assert words == words_of(text)
    assert all(word and len(word) <= 40 for word in words)


@given(st.text(alphabet=st.characters(categories=["Ll", "Lo"]), min_size=1, max_size=30))
def test_a_word_without_its_ending_is_still_a_word(word: str) -> None:
    assert stem(word)


def test_each_capability_has_words_in_each_language_and_examples() -> None:
    for one in capabilities().values():
        assert len(one.terms) > 20, one.code
        assert len(one.examples) > 2, one.code
        assert any("\u0600" <= term.text[0] <= "\u06ff" for term in one.terms.values()), one.code
