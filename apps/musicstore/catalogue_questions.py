"""What a message asks of the catalogue: calls of the store's tools, by patterns. Only what is plainly said is understood."""

import re
from collections.abc import Iterator, Sequence

from apps.musicstore.calls import A_SONG, ALBUMS_OF, IN_GENRE, LONGEST_MESSAGE, SONGS_OF, Call
from apps.musicstore.names import fold

_SONGS = r"(?:songs?|tracks?|music|lied(?:er)?|st[üu]cke?|canci[óo]n(?:es)?|chansons?|morceaux?|m[úu]sicas?|faixas?)"
_ALBUMS = r"(?:albums?|alben|[áa]lbumes|[áa]lbuns|[áa]lbum|discos?|disques?)"
_ARTISTS = r"(?:artists?|k[üu]nstler|artistas?|artistes?|bands?)"
_BY = r"(?:by|of|from|von|vom|de|del|do(?!\s+(?:you|u|ya|they|we)\b)|da|du)"
_QUOTED = r"[\"“”‘’']([^\"“”]{1,100})[\"“”’']"
_NAME = r"(?P<name>\S.{0,100}?)"
_WHOSE = r"(?P<by>\S.{0,60}?)"
_HAVE = r"(?:have|has|had|made?|make|record(?:ed)?|release[sd]?|sing|play|written|wrote)"
_SOMETHING = r"(?:anything|something|stuff|everything|was|etwas|algo|quelque\s+chose|alguma\s+coisa)"
# In this order: what says more comes first. A pattern may stand for several calls, tried one after the other.
_ASKED: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = tuple(
    (re.compile(pattern, re.IGNORECASE), tools)
    for pattern, tools in (
        (rf"\b{_SONGS}\s+(?:called|named|titled|entitled)\s+{_NAME}(?:\s+by\s+{_WHOSE})?$", (A_SONG,)),
        (rf"\b{_SONGS}\s+{_QUOTED}(?:\s+by\s+{_WHOSE}$)?", (A_SONG,)),
        (rf"\b(?:the|a)\s+(?:song|track)\s+{_NAME}\s+by\s+{_WHOSE}$", (A_SONG,)),
        (rf"\b(?:genre|style)\s+is\s+{_NAME}$", (IN_GENRE, ALBUMS_OF, A_SONG)),
        (rf"\b(?:genre|style|g[ée]nero)\s*(?:of|called|named|:)?\s+{_NAME}$", (IN_GENRE,)),
        (rf"\b(?:in|of|from|for)\s+(?:the\s+)?{_NAME}\s+genre$", (IN_GENRE,)),
        (rf"^{_NAME}\s+genre$", (IN_GENRE,)),
        (rf"\b{_ARTISTS}\b.*?\bin\s+(?:the\s+)?{_NAME}$", (IN_GENRE,)),
        (rf"\b{_ALBUMS}\b.*?\b{_BY}\s+{_NAME}$", (ALBUMS_OF,)),
        (rf"\b{_ALBUMS}\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (ALBUMS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+{_ALBUMS}\b", (ALBUMS_OF,)),
        (rf"\b{_SONGS}\b.*?\bby\s+{_NAME}$", (SONGS_OF,)),
        (rf"\b(?:the|a)\s+(?:song|track)\s+{_NAME}$", (A_SONG,)),
        (rf"\b{_SONGS}\s+(?:in|of|from)\s+(?:the\s+)?{_NAME}$", (IN_GENRE, SONGS_OF)),
        (rf"\b{_SONGS}\b.*?\b{_BY}\s+{_NAME}$", (SONGS_OF, IN_GENRE)),
        (rf"\b{_SONGS}\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (SONGS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+{_SONGS}\b", (SONGS_OF,)),
        (rf"\bartists?\s+(?:called|named)?\s*{_NAME}$", (ALBUMS_OF,)),
        (rf"\b(?:song|track)\s*[:=]\s*{_NAME}$", (A_SONG,)),
        (rf"{_NAME}\s+{_SONGS}$", (IN_GENRE, SONGS_OF, A_SONG)),
        (rf"{_NAME}\s+{_ALBUMS}$", (ALBUMS_OF, IN_GENRE)),
        (rf"\b{_SOMETHING}\s+{_BY}\s+{_NAME}$", (ALBUMS_OF, IN_GENRE)),
        (rf"^who\s+(?:sings|sang|plays|played|wrote|made|recorded)\s+{_NAME}$", (A_SONG,)),
        (rf"^how\s+(?:much\s+(?:is|does|are)|long\s+is)\s+{_NAME}(?:\s+cost)?$", (A_SONG,)),
    )
)
_PARAMETER = {ALBUMS_OF: "artist", SONGS_OF: "artist", IN_GENRE: "genre", A_SONG: "song_title"}
# What is said before and after what is asked.
_COURTESY = (
    r"please|pls|thanks?|thank\s+you|good\s+(?:morning|afternoon|evening|night|day)|hi|hello|hey|can\s+you|could\s+you|would\s+you|i\s+want|i\s+would\s+like|i['’]d\s+like"
    r"|i\s+need|i\s+am|i['’]m|looking\s+for|d[ou]\s+(?:you|u|ya)\s+(?:have|know|sell|got)|have\s+you\s+got|you\s+(?:have|got)|got"
    r"|are\s+there|is\s+there|can\s+i|could\s+i|tell\s+me|show\s+me|show|list|find|play|give\s+me|search(?:\s+for)?|what['’]?s?|which"
    r"|is|about|to\s+(?:see|hear|buy|know)|anything|any|some|all|the|an|in|of|me|for|good|best|other|new(?:est)?|latest|your|in\s+stock"
    r"|cheapest|longest|shortest|(?:most|least)\s+expensive|return|buy|get|hear|and|on"
    r"|bitte|hallo|welche[rsn]?|gibt\s+es|habt\s+ihr|haben\s+sie|hast\s+du|ich\s+suche|zeig(?:e|en\s+sie)?\s+mir|alle|von"
    r"|por\s+favor|hola|qu[ée]|hay|tienes?|tienen|ten[ée]is|ustedes\s+tienen|busco|quiero"
    r"|bonjour|salut|quel(?:le)?s?|avez[\s-]vous|vous\s+avez|as[\s-]tu|tu\s+as|je\s+cherche|des|les"
    r"|ol[áa]|quais|qual|voc[êe]s?\s+t[êe]m|tem|t[êe]m|procuro"
)
_BEFORE = re.compile(rf"^(?:(?:{_COURTESY})\b[\s,]*)+", re.IGNORECASE)
_AFTER = re.compile(
    r"(?:[\s,]+(?:please|thanks?|thank\s+you|(?:in|at|from)\s+(?:your|the|this)\s+(?:store|shop|catalogue?)"
    r"|(?:do|can|could|are|is|if)\s+(?:you|there|i|it|they)\b(?:(?!\b(?:by|of|from|in)\b).)*|available|for\s+sale|in\s+stock|too|cost|and\s+why|bitte|por\s+favor|s['’]il\s+vous\s+pla[îi]t|avez[\s-]vous|vous\s+avez|pls|there|here)"
    r"|,?\s+and\s+(?:how|what|who|which|when|where)\b.*|,\s*(?:what|which|who|how|is|do|can)\b.*|\s+(?:is\s+)?(?:on|in)\s+my\s+.*)+$",
    re.IGNORECASE,
)
_AROUND = " \t\n.,;:!?¿¡\"“”‘’'"


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
            if found and name:
                whose = (found.groupdict().get("by") or "").strip(_AROUND)
                yield from (Call(tool, {_PARAMETER[tool]: name}, by=whose) for tool in tools)
                return


def _name_in(found: re.Match[str]) -> str:
    """The name without the words around it; nothing when only such words are left."""
    name = found.groupdict().get("name") or found[1]
    name = _BEFORE.sub("", name.strip(_AROUND)).strip(_AROUND)
    name = re.sub(r"^(?:(?:band|artist|singer|group|song|track|genre)\s+)+", "", name, flags=re.IGNORECASE)
    return name if fold(name) and not _BEFORE.fullmatch(name) else ""
