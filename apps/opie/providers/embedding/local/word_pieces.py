"""Texts as the numbers of word pieces, the way the model was trained to read them (BERT, uncased).

The names of marks, as in "[SEP]", are text like any other here: what somebody wrote cannot end its own input.
"""

import functools
import unicodedata
from collections.abc import Iterator
from pathlib import Path

MOST_PIECES = 256
LONGEST_WORD = 100  # a longer one is no word, and unknown
# Whatever comes after so many characters is not looked at: no text needs them to fill its pieces.
MOST_CHARACTERS = 65_536
CONTINUES = "##"
MADE_OF_HAN = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """The vocabulary, and how a text falls into it."""

    def __init__(self, vocabulary: Path) -> None:
        pieces = vocabulary.read_text(encoding="utf-8").splitlines()
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._unknown, self._start, self._end = (self._numbers[mark] for mark in ("[UNK]", "[CLS]", "[SEP]"))
        self._pieces_of = functools.lru_cache(maxsize=16_384)(self._split)

    def numbers_of(self, text: str) -> list[int]:
        """The pieces of a text between the marks of its start and its end: the first 254 of them, 256 with the marks."""
        found = [self._start]
        for word in text[:MOST_CHARACTERS].translate(_PLAIN).split():
            found += self._pieces_of(word)
            if len(found) >= MOST_PIECES:
                break
        return [*found[: MOST_PIECES - 1], self._end]

    def _split(self, word: str) -> tuple[int, ...]:
        """The longest pieces from the left; unknown as a whole when something is left over."""
        if len(word) > LONGEST_WORD:
            return (self._unknown,)
        found = tuple(self._longest_pieces(word))
        return (self._unknown,) if None in found else found  # type: ignore[return-value] # there is no None in it

    def _longest_pieces(self, word: str) -> Iterator[int | None]:
        start = 0
        while start < len(word):
            prefix = CONTINUES if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(prefix + word[start:end])
                if number is not None:
                    yield number
                    start = end
                    break
            else:
                yield None
                return


class _Plain(dict[int, str]):
    """What each character becomes, for str.translate; worked out when it is first seen."""

    def __missing__(self, number: int) -> str:
        plain = self[number] = _plain(chr(number))
        return plain


def _plain(character: str) -> str:
    """Nothing of controls, a blank for blanks, small letters without marks; what is a word of its own between blanks."""
    if character in "\t\n\r" or unicodedata.category(character) in ("Zs", "Zl", "Zp"):
        return " "
    if character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
        return ""
    bare = "".join(one for one in unicodedata.normalize("NFD", character) if unicodedata.category(one) != "Mn")
    small = "".join(f" {one} " if _is_punctuation(one) else one for one in bare.lower())
    return f" {small} " if any(first <= ord(character) <= last for first, last in MADE_OF_HAN) else small


def _is_punctuation(character: str) -> bool:
    is_ascii_sign = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    return is_ascii_sign or unicodedata.category(character).startswith("P")


_PLAIN = _Plain()
