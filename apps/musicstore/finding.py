"""Find rows by the name that somebody wrote: in any case, without accents, with a part left out, with a letter wrong.

One statement finds what is spelled right, or of which only some words were said. When that finds nothing, a second one
fetches the names that share most groups of three letters, and the nearest of them is taken, or offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import reduce
from operator import add
from typing import Any, Generic, TypeVar

from django.contrib.postgres.search import SearchQuery
from django.db.models import Case, ExpressionWrapper, F, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Abs, Length

from apps.musicstore.models.catalogue import Named
from apps.musicstore.names import fold, squeezed

NamedRow = TypeVar("NamedRow", bound=Named)

LONGEST_NAME = 200
MOST_MATCHES = 50
# How much of two names must agree for one to be taken for the other, and to be offered in its place.
SAME, SIMILAR = 0.8, 0.45
MOST_OFFERED = 5
_CANDIDATES = 25
_MOST_GRAMS = 16
_SHORTEST_BEGINNING = 3
# Said or left out as one likes.
_SMALL_WORDS = {"the", "and"}


@dataclass(frozen=True, slots=True)
class Found(Generic[NamedRow]):
    """The rows that a name means; `exact` when it is theirs. Without rows, the names that come nearest."""

    rows: Sequence[NamedRow]
    exact: bool
    nearest: Sequence[str] = ()


def find(rows: "QuerySet[NamedRow]", text: str) -> Found[NamedRow]:
    """Whom or what a name means, in one statement or two."""
    matching = list(spelled(rows, text)[:MOST_MATCHES])
    if not matching:
        return nearest(rows, text)
    exact = [row for row in matching if row.exact]  # type: ignore[attr-defined]
    to_the_letter = [row for row in exact if row.name == _storable(text)]
    return Found(to_the_letter or exact or matching, exact=bool(exact))


def spelled(rows: "QuerySet[NamedRow]", text: str) -> "QuerySet[NamedRow]":
    """The rows with this name (`exact` is 1), before those that have all of its words in theirs."""
    wanted = _folded(text)
    if not wanted:
        # Names like "?" are only to be had as they are.
        by_name: QuerySet[Any, Any] = rows.filter(name=_storable(text)).annotate(exact=Value(1))
        return by_name.order_by("name", "id")
    is_same = Q(squeezed=wanted.replace(" ", ""))
    found: QuerySet[Any, Any] = rows.alias(squeezed=ExpressionWrapper(squeezed(), TextField())).annotate(
        exact=Case(When(is_same, then=1), default=0, output_field=IntegerField())
    )
    return found.filter(is_same | Q(words=_all_words(wanted))).order_by("-exact", "name", "id")


def nearest(rows: "QuerySet[NamedRow]", text: str) -> Found[NamedRow]:
    """The rows whose names agree most with the text, if they agree enough to be meant; otherwise some to offer."""
    wanted = _folded(text)
    if not wanted:
        return Found([], exact=False)
    scored = [(_likeness(wanted, row.folded), row) for row in _candidates(rows, wanted)]
    scored.sort(key=lambda pair: (-pair[0], pair[1].name))
    best = scored[0][0] if scored else 0.0
    if best >= SAME:
        return Found([row for score, row in scored if score == best], exact=False)
    names = dict.fromkeys(row.name for score, row in scored if score >= SIMILAR)
    return Found([], exact=False, nearest=list(names)[:MOST_OFFERED])


def is_like(said: str, name: str) -> bool:
    """Whether somebody who says this may well mean the name: all of its words are in it, or it is as good as the same."""
    wanted = _folded(said)
    return bool(wanted) and _likeness(wanted, fold(name)) >= SAME


def _folded(text: str) -> str:
    """Cut before, for the work that it is, and after: some signs are written out as many letters."""
    return fold(text[:LONGEST_NAME])[:LONGEST_NAME].strip()


def _storable(text: str) -> str:
    """The text without what PostgreSQL cannot take; a model may write anything."""
    return text.replace("\x00", "").encode(errors="ignore").decode().strip()[:LONGEST_NAME]


def _all_words(folded: str) -> SearchQuery:
    """Each word, or the beginning of a longer one. `folded` has nothing but letters, digits and spaces."""
    words = folded.split()
    telling = [word for word in words if word not in _SMALL_WORDS] or words
    beginnings = [f"{word}:*" if len(word) >= _SHORTEST_BEGINNING else word for word in telling]
    return SearchQuery(" & ".join(beginnings), config="simple", search_type="raw")


def _candidates(rows: "QuerySet[NamedRow]", wanted: str) -> "QuerySet[NamedRow]":
    """The rows that share most with the text. It reads every name once: some milliseconds for some thousands."""
    grams = _grams(wanted)
    shared = reduce(
        add, (Case(When(folded__contains=gram, then=1), default=0, output_field=IntegerField()) for gram in grams)
    )
    apart = Abs(Length("folded") - Value(len(wanted)))
    scored: QuerySet[Any, Any] = rows.annotate(shared=shared, apart=apart)
    return scored.filter(shared__gt=0).order_by(F("shared").desc(), "apart", "name", "id")[:_CANDIDATES]


def _grams(wanted: str) -> list[str]:
    """The groups of three letters of each word; of two, where that is all there is. Evenly from a long text."""
    words = wanted.split()
    size = 3 if max(map(len, words)) > 3 else 2
    grams = {word[at : at + size] for word in words for at in range(max(1, len(word) - size + 1))}
    every = len(grams) // _MOST_GRAMS + 1
    return sorted(grams)[::every]


def _likeness(wanted: str, name: str) -> float:
    """From 0 to 1: of the whole names, or of each word said to the word of the name that is most like it."""
    whole = _ratio(wanted.replace(" ", ""), name.replace(" ", ""))
    words = [word for word in wanted.split() if word not in _SMALL_WORDS] or wanted.split()
    by_word = 0.0
    for word in words:
        best = max((_ratio(word, other, SAME) for other in name.split()), default=0.0)
        if best < SAME:  # it is like none of the name's, which the others do not make good
            return whole
        by_word += best
    return max(whole, 0.95 * by_word / len(words))


def _ratio(one: str, other: str, at_least: float = SIMILAR) -> float:
    """How much of the two agrees; 0 where two cheaper bounds say that it is less than that."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < at_least or matcher.quick_ratio() < at_least:
        return 0.0
    return matcher.ratio()
