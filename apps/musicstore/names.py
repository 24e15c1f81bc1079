"""Names as they are compared: without case, accents, punctuation and how words are joined.

The database folds what it stores (`folded_column`), Python folds what is looked for (`fold`): the two must agree.
"""

import re
import unicodedata
from difflib import SequenceMatcher

from django.contrib.postgres.search import SearchVector
from django.db.models import F, Func, Value
from django.db.models.expressions import Expression
from django.db.models.functions import Lower, Replace, Trim

AS_GOOD, SHORTEST_MISSPELLED = 0.88, 6
_APOSTROPHES = "'’‘`´"
# Letters that Unicode does not take apart.
_SINGLE, _PLAIN = "øłđð", "oldd"
_DOUBLE = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "&": " and "}


def fold(text: str) -> str:
    """ "Mötley  Crüe" and "motley crue" alike, as words of letters and digits with one space between them."""
    for apostrophe in _APOSTROPHES:
        text = text.replace(apostrophe, "")
    text = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", text)).lower()
    text = text.translate(str.maketrans(_SINGLE, _PLAIN))
    for letter, letters in _DOUBLE.items():
        text = text.replace(letter, letters)
    return " ".join("".join(letter if letter.isalnum() else " " for letter in text).split())


def squeeze(text: str) -> str:
    """The same without the spaces: "AC/DC", "ac dc" and "acdc" alike."""
    return fold(text).replace(" ", "")


def are_as_good(one: str, other: str) -> bool:
    """Whether two names are the same but for a letter: "metalica" and "Metallica", not "hello" and "Hells"."""
    one, other = squeeze(one), squeeze(other)
    if len(one) < SHORTEST_MISSPELLED:
        return one == other
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= AS_GOOD


def folded_column(name: str) -> Expression:
    """`fold` of a column, in the database."""
    text: Expression = Func(F(name), Value(_APOSTROPHES), Value(""), function="translate")
    text = Func(text, template="normalize(%(expressions)s, NFKD)")
    text = Lower(_replaced(text, r"[\u0300-\u036f]", ""))
    text = Func(text, Value(_SINGLE), Value(_PLAIN), function="translate")
    for letter, letters in _DOUBLE.items():
        text = Replace(text, Value(letter), Value(letters))
    return Trim(_replaced(text, "[^[:alnum:]]+", " "))


def words_of(name: str) -> Expression:
    """The words of a column's `fold`, to be searched by their beginnings."""
    return SearchVector(folded_column(name), config="simple")


def squeezed(folded: str = "folded") -> Expression:
    """`squeeze` of a column that holds folded names; the expression that is indexed."""
    return Replace(F(folded), Value(" "), Value(""))


def _replaced(text: Expression, pattern: str, by: str) -> Expression:
    return Func(text, Value(pattern), Value(by), Value("g"), function="regexp_replace")
