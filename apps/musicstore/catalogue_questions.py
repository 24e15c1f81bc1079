"""What a message asks of the catalogue: calls of the store's tools, by patterns. Only what is plainly said is understood."""

import re
from collections.abc import Iterator, Sequence

from apps.musicstore.calls import A_SONG, ALBUMS_OF, IN_GENRE, LONGEST_MESSAGE, SONGS_OF, Call
from apps.musicstore.names import fold

_SONGS = r"(?:songs?|tracks?|music)"
_QUOTED = r"[\"“”‘’']([^\"“”]{1,100})[\"“”’']"
_NAME = r"(?P<name>\S.{0,100}?)"
_HAVE = r"(?:have|has|had|made?|make|record(?:ed)?|release[sd]?|sing|play|written|wrote)"
# In this order: what says more comes first. A pattern may stand for several calls, tried one after the other.
_ASKED: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = tuple(
    (re.compile(pattern, re.IGNORECASE), tools)
    for pattern, tools in (
        (rf"\b{_SONGS}\s+(?:called|named|titled|entitled)\s+{_NAME}$", (A_SONG,)),
        (rf"\b{_SONGS}\s+{_QUOTED}", (A_SONG,)),
        (rf"\b(?:genre|style)\s*(?:of|called|named|is|:)?\s+{_NAME}$", (IN_GENRE,)),
        (rf"\b(?:in|of|from|for)\s+(?:the\s+)?{_NAME}\s+genre$", (IN_GENRE,)),
        (rf"^{_NAME}\s+genre$", (IN_GENRE,)),
        (rf"\balbums?\b.*?\b(?:by|of|from)\s+{_NAME}$", (ALBUMS_OF,)),
        (rf"\balbums?\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (ALBUMS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+albums?\b", (ALBUMS_OF,)),
        (rf"\b{_SONGS}\b.*?\bby\s+{_NAME}$", (SONGS_OF,)),
        (rf"\b{_SONGS}\s+(?:in|of|from)\s+(?:the\s+)?{_NAME}$", (IN_GENRE, SONGS_OF)),
        (rf"\b{_SONGS}\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (SONGS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+{_SONGS}\b", (SONGS_OF,)),
        (rf"\bartists?\s+(?:called|named)?\s*{_NAME}$", (ALBUMS_OF,)),
        (rf"\b(?:the|a)\s+(?:song|track)\s+{_NAME}$", (A_SONG,)),
        (rf"\b(?:song|track)\s*[:=]\s*{_NAME}$", (A_SONG,)),
        (rf"{_NAME}\s+{_SONGS}$", (IN_GENRE, SONGS_OF, A_SONG)),
        (rf"{_NAME}\s+albums?$", (ALBUMS_OF,)),
    )
)
_PARAMETER = {ALBUMS_OF: "artist", SONGS_OF: "artist", IN_GENRE: "genre", A_SONG: "song_title"}
# What is said before and after what is asked.
_COURTESY = (
    r"please|thanks?|thank\s+you|hi|hello|hey|can\s+you|could\s+you|would\s+you|i\s+want|i\s+would\s+like|i['’]d\s+like"
    r"|i\s+need|i\s+am|i['’]m|looking\s+for|do\s+you\s+(?:have|know|sell)|have\s+you\s+got|you\s+have|are\s+there|is\s+there"
    r"|tell\s+me|show\s+me|show|list|find|give\s+me|search(?:\s+for)?|what|which|about|to\s+(?:see|hear|buy|know)|any|some"
    r"|all|the|of|me|for|good|best|other|in\s+stock"
)
_BEFORE = re.compile(rf"^(?:(?:{_COURTESY})\b[\s,]*)+", re.IGNORECASE)
_AFTER = re.compile(
    r"(?:[\s,]+(?:please|thanks?|thank\s+you|(?:in|at|from)\s+(?:your|the|this)\s+(?:store|shop|catalogue?)"
    r"|(?:do|can|could|are|is|if)\s+(?:you|there|i|it|they)\b(?:(?!\b(?:by|of|from|in)\b).)*|available|for\s+sale|in\s+stock|too|and\s+why))+$",
    re.IGNORECASE,
)
_AROUND = " \t\n.,;:!?\"“”‘’'"


def catalogue_calls(message: str) -> list[Call]:
    """What the message may ask of the catalogue, the likeliest first. None when it says no name."""
    return list(_meant(" ".join(message[:LONGEST_MESSAGE].split())))


def names_alone(message: str) -> list[Call]:
    """What the message may mean if it is nothing but a name, with some courtesy around it: a genre, an artist, a song."""
    text = _AFTER.sub("", " ".join(message[:LONGEST_MESSAGE].split()).strip(_AROUND)).strip(_AROUND)
    name = _BEFORE.sub("", text).strip(_AROUND)
    return [Call(tool, {_PARAMETER[tool]: name}) for tool in (IN_GENRE, ALBUMS_OF, A_SONG)] if fold(name) else []


def _meant(message: str) -> Iterator[Call]:
    # The last question of several sentences is the one to be answered.
    for sentence in reversed([part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z])", message) if part.strip(_AROUND)]):
        text = _AFTER.sub("", sentence.strip(_AROUND)).strip(_AROUND)
        for pattern, tools in _ASKED:
            found = pattern.search(text)
            name = _name_in(found) if found else ""
            if name:
                yield from (Call(tool, {_PARAMETER[tool]: name}) for tool in tools)
                return


def _name_in(found: re.Match[str]) -> str:
    """The name without the words around it; nothing when only such words are left."""
    name = found.groupdict().get("name") or found[1]
    name = _BEFORE.sub("", name.strip(_AROUND)).strip(_AROUND)
    name = re.sub(r"^(?:(?:band|artist|singer|group|song|track|genre)\s+)+", "", name, flags=re.IGNORECASE)
    return name if fold(name) and not _BEFORE.fullmatch(name) else ""
