"""What people say of their taste, in ordinary sentences: "I love jazz", "my favourite band is …", "answer in German".

Only artists and genres that the store has, and languages that there are, are understood. No model is needed for it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf.locale import LANG_INFO

from apps.musicstore.disliking import is_doubted, not_liked_in, without_them
from apps.musicstore.finding import spelled
from apps.musicstore.models import Artist, Genre

LONGEST_TEXT = 1_000
MOST_NAMES = 8

_FLAGS = re.IGNORECASE
_NAMES = r"(?P<names>[^!?;:\n]{1,200})"
_ALSO = r"(?:(?:really|also|just|mostly|mainly|absolutely|still|do|truly|both)\s+)*"
_SAID = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        rf"\bI\s+{_ALSO}(?:love|like|adore|enjoy|prefer|listen\s+to)\s+{_NAMES}",
        rf"\bI(?:['’]m|\s+am)\s+{_ALSO}(?:(?:a\s+)?(?:big\s+|huge\s+|great\s+)?fan\s+of|into|fond\s+of)\s+{_NAMES}",
        rf"\bmy\s+(?:\w+\s+)?favou?rite\s+(?:artist|band|singer|group|genre|style|music|kind\s+of\s+music)s?\s+(?:is|are)\s+{_NAMES}",
        r"(?:^|[.!?;:\n])\s*(?P<names>[^.!?;:\n]{1,100}?)\s+(?:is|are)\s+my\s+favou?rites?\b",
    )
)
# Where what somebody likes ends.
_ENDS = re.compile(
    r"\.(?:\s|$)|\b(?:but|because|since|when|while|although|though|which|who|that|so|not|and\s+(?:I|my|you|please))\b",
    _FLAGS,
)
_BETWEEN = re.compile(r"\s*,\s*(?:(?:and|or)\s+)?|\s+(?:and|or|as\s+well\s+as|plus)\s+|\s*&\s*", _FLAGS)
_BEFORE = re.compile(
    r"^(?:(?:some|all|any|anything|everything|the|a|of|good|old|more|any\s*more|such|that|this|much)\s+)*(?:(?:music|songs?|albums?|tracks?|band|artist|singer|group)\s+)?"
    r"(?:(?:of|by|from|in|called)\s+)?(?:(?:the\s+)?(?:band|artist|singer|group)\s+)?",
    _FLAGS,
)
_AFTER = re.compile(
    r"(?:\s+(?:music|songs?|albums?|tracks?|a\s+lot|very\s+much|so\s+much|too|most|best|the\s+most|please|especially|above\s+all|really|stuff|kind\s+of\s+music))+$",
    _FLAGS,
)
_WORD = r"[^\W\d_]+"
_IN_LANGUAGE = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        rf"\b(?:answer|reply|respond|write|speak|talk|continue|go\s+on)\b(?:\s+\w+){{0,4}}?\s+in\s+({_WORD}(?:\s+{_WORD})?)",
        rf"\bI\s+(?:only|just|mainly)\s+speak\s+({_WORD}(?:\s+{_WORD})?)",
        rf"\bmy\s+(?:preferred\s+)?language\s+is\s+({_WORD}(?:\s+{_WORD})?)",
        rf"\bin\s+({_WORD}(?:\s+{_WORD})?),?\s+please\b",
    )
)
_LANGUAGES = {
    name.casefold(): str(info["name"])
    for info in LANG_INFO.values()
    for name in (info.get("name"), info.get("name_local"))
    if name
}
_FORGET = re.compile(
    # Of "jazz from my favourites" it is jazz, and not all of them.
    r"\b(?:forget|delete|erase|remove|clear)\b[^.!?\n]{0,30}?\b(?:"
    r"(?:what|everything|anything|all)\b[^.!?\n]{0,40}?\b(?:(?:about|of|on)\s+me|from\s+my\s+(?:\w+\s+)?(?:tastes?|preferences?|favou?rites?))\b"
    r"|(?<!\bfrom\s)(?<!\bof\s)(?<!\boff\s)my\s+(?:\w+\s+)?(?:tastes?|preferences?|favou?rites?)\b)|\bforget\s+(?:about\s+)?me\b",
    _FLAGS,
)
_DENIED = re.compile(r"\b(?:don['’]?t|do\s+not|never|not\s+to|did\s+you|why)\b[^.!?\n]{0,20}$", _FLAGS)


@dataclass(frozen=True, slots=True)
class Stated:
    """What somebody said that they like, and what they do not like or no longer, as the store spells it."""

    genres: tuple[str, ...] = ()
    artists: tuple[str, ...] = ()
    language: str = ""
    not_genres: tuple[str, ...] = ()
    not_artists: tuple[str, ...] = ()


def stated_in(text: str) -> Stated:
    """What the text says of the person's taste. Asks the catalogue for each name that may be one."""
    text = text[:LONGEST_TEXT]
    disliked = list(not_liked_in(text))
    not_genres, not_artists = _all_known([names for _, _, names in disliked])
    genres, artists = _all_known(_liked_in(without_them(text, disliked)))
    # Who says both is not understood, and nothing is added.
    return Stated(
        tuple(name for name in genres if name not in not_genres),
        tuple(name for name in artists if name not in not_artists),
        language_in(text),
        tuple(not_genres),
        tuple(not_artists),
    )


def _all_known(said: Iterable[str]) -> tuple[dict[str, None], dict[str, None]]:
    genres: dict[str, None] = {}
    artists: dict[str, None] = {}
    for names in list(said)[:MOST_NAMES]:
        genre, artist = known_of(names)
        genres |= dict.fromkeys(genre)
        artists |= dict.fromkeys(artist)
    return genres, artists


def known_of(names: str) -> tuple[list[str], list[str]]:
    """The genres and artists among these names: the whole of them as one, or else each. "Earth, Wind & Fire" is one."""
    genres: list[str] = []
    artists: list[str] = []
    whole = _bare(names)
    for name in [whole, *(_bare(part) for part in _BETWEEN.split(whole)[:MOST_NAMES])]:
        if found := genre_of(name):
            genres.append(found)
        elif found := artist_of(name):
            artists.append(found)
        if found and name == whole:
            break
    return genres, artists


def genre_of(name: str) -> str:
    """The genre of exactly this name, as the store spells it; otherwise nothing."""
    return _exact(Genre, name)


def artist_of(name: str) -> str:
    return _exact(Artist, name)


def language_in(text: str) -> str:
    """The language that the person wants answers in, in English."""
    for pattern in _IN_LANGUAGE:
        for found in pattern.findall(text[:LONGEST_TEXT]):
            if language := language_of(found) or language_of(found.split()[0]):
                return language
    return ""


def language_of(name: str) -> str:
    return _LANGUAGES.get(" ".join(name.split()).casefold(), "")


def asks_to_forget(text: str) -> bool:
    """Whether the person plainly wants to have forgotten what is known of them."""
    found = _FORGET.search(text[:LONGEST_TEXT])
    return found is not None and not _DENIED.search(text[: found.start()])


def _liked_in(text: str) -> Iterator[str]:
    for pattern in _SAID:
        for found in pattern.finditer(text):
            if is_doubted(text[max(0, found.start() - 40) : found.start()]):
                continue
            end = _ENDS.search(found["names"])
            yield found["names"][: end.start()] if end else found["names"]


def _bare(name: str) -> str:
    name = _AFTER.sub("", name.strip(" \t.,\"“”'")).strip(' \t.,"“”')
    # Not where nothing would be left: there is a band called The The.
    return _BEFORE.sub("", name).strip() or name


def _exact(kind: type[Artist] | type[Genre], name: str) -> str:
    if not name:
        return ""
    found: Any = spelled(kind.objects.all(), name).first()
    return str(found.name) if found is not None and found.exact else ""
