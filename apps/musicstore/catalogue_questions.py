"""What a message asks of the catalogue: calls of the store's tools, by patterns. Only what is plainly said is understood."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from apps.musicstore.calls import A_SONG, ALBUMS_OF, IN_GENRE, LONGEST_MESSAGE, NAMED, ON_ALBUM, SONGS_OF, Call
from apps.musicstore.names import fold

# Of one message, the last ones.
MOST_QUESTIONS = 3
_SONGS = r"(?:songs?|tracks?|music|lied(?:er)?|st[üu]cke?|canci[óo]n(?:es)?|chansons?|morceaux?|m[úu]sicas?|faixas?)"
_ALBUMS = r"(?:albums?|alben|[áa]lbumes|[áa]lbuns|[áa]lbum|discos?|disques?)"
# One of them, which has a title: "the album Nevermind".
_ALBUM = (
    r"(?:album|[áa]lbum|albun|ablum|albumn|abum|disco|disque|cd|lp|platte)\s*(?:called|named|titled|entitled|namens|mit\s+dem\s+titel|llamado|titulado|appel[ée]"
    r"|intitul[ée]|chamado)?\s*[:,]?\s*(?<!\w)"
)
# "The album by Nirvana", "an album with Angie on it": rather not the beginning of a title, unless an album is called so.
_NO_TITLE = re.compile(
    r"^(?:by|of|from|von|vom|de|del|do|da|du|does|did|has|have|is|are|was|were|that|which|who|with|without|and|or|for|in|on|it|too|there|please"
    r"|mit|ist|hat|und|wo|que|con|tiene|y|hay|qui|avec|est|et|com|tem|tinha|e|é|cover|covers|name|names|title|titles)\b",
    re.IGNORECASE,
)
_ON = r"(?:on|from|of|in|auf|vom|von|aus|en|del?|d['’]|sur|no|na|do|da)"
_ARTICLE = r"(?:the|your|an?|das|dem|der|die|el|la|le|l['’]|o|un|ein(?:em)?|um)"
_ARTISTS = r"(?:artists?|k[üu]nstler|artistas?|artistes?|bands?)"
_BY = r"(?:by|of|from|von|vom|de|del|do(?!\s+(?:you|u|ya|they|we)\b)|da|du)"
_QUOTED = r"[\"“”‘’']([^\"“”]{1,100})(?:[\"“”]|[’'](?!\w))"
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
        (
            r"\b(?:which|what|list|show|all|the|your|welche|qu[ée]|quels|quais)\b.*\b(?P<name>genres|styles|g[ée]neros|g[êe]neros)(?:\s+(?:do|are|have|gibt|habt|hay|tienen|avez|tem|t[êe]m)\b.*)?$",
            (IN_GENRE,),
        ),
        (rf"\b(?:genre|style)\s+is\s+{_NAME}$", (IN_GENRE, ALBUMS_OF, A_SONG)),
        (rf"\b(?:genre|style|g[ée]nero)\s*(?:of|called|named|:)?\s+{_NAME}$", (IN_GENRE,)),
        (rf"\b(?:in|of|from|for)\s+(?:the\s+)?{_NAME}\s+genre$", (IN_GENRE,)),
        (rf"^{_NAME}\s+genre$", (IN_GENRE,)),
        (rf"\b{_ARTISTS}\b.*?\bin\s+(?:the\s+)?{_NAME}$", (IN_GENRE,)),
        (rf"\b{_ALBUM}{_QUOTED}(?:\s+{_BY}\s+{_WHOSE}$)?", (ON_ALBUM,)),
        (rf"\b{_ALBUM}{_NAME}\s+by\s+{_WHOSE}$", (ON_ALBUM,)),
        (rf"\b{_ALBUM}{_NAME}$", (ON_ALBUM, ALBUMS_OF)),
        (rf"\btrack\s*list(?:ing)?s?\s+(?:of|for|from)\s+{_NAME}(?:\s+by\s+{_WHOSE})?$", (ON_ALBUM,)),
        (rf"\b{_SONGS}\b.*?\b{_ON}\s*(?:{_ARTICLE}\s*)?{_NAME}\s+album(?:\s+by\s+{_WHOSE})?$", (ON_ALBUM, SONGS_OF)),
        (rf"\b{_SONGS}\b.*?\b(?:on|auf|sur)\s+{_NAME}(?:\s+by\s+{_WHOSE})?$", (ON_ALBUM, SONGS_OF)),
        (rf"\b{_ALBUMS}\b.*?\b{_BY}\s+{_NAME}$", (ALBUMS_OF,)),
        (rf"\b{_ALBUMS}\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (ALBUMS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+{_ALBUMS}\b", (ALBUMS_OF,)),
        (rf"\b{_SONGS}\b.*?\bby\s+{_NAME}$", (SONGS_OF,)),
        (rf"\b(?:the|a)\s+(?:song|track)\s+{_NAME}$", (A_SONG,)),
        (rf"\b{_SONGS}\s+(?:in|of|from)\s+(?:the\s+)?{_NAME}$", (IN_GENRE, SONGS_OF, ON_ALBUM)),
        (rf"\b{_SONGS}\b.*?\b{_BY}\s+{_NAME}$", (SONGS_OF, IN_GENRE, ON_ALBUM)),
        (rf"\b{_SONGS}\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (SONGS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+{_SONGS}\b", (SONGS_OF,)),
        (rf"\bartists?\s+(?:called|named)?\s*{_NAME}$", (ALBUMS_OF,)),
        (rf"\b(?:song|track)\s*[:=]\s*{_NAME}$", (A_SONG,)),
        (rf"{_NAME}\s+{_SONGS}$", (IN_GENRE, SONGS_OF, A_SONG)),
        (rf"{_NAME}\s+{_ALBUMS}$", (ALBUMS_OF, IN_GENRE, ON_ALBUM)),
        (rf"\b{_SOMETHING}\s+{_BY}\s+{_NAME}$", (ALBUMS_OF, IN_GENRE)),
        (rf"^who\s+(?:sings|sang|plays|played|wrote|made|recorded)\s+{_NAME}$", (A_SONG, ON_ALBUM)),
        (rf"\bprices?\s+(?:of|for)\s+{_NAME}$", (A_SONG, ON_ALBUM)),
        (rf"^how\s+(?:much\s+(?:is|does|are)|long\s+is)\s+{_NAME}(?:\s+cost)?$", (A_SONG, ON_ALBUM)),
    )
)
# Of a title and who made it; where there are two ways of reading it, both are tried.
_TITLE_BY = re.compile(r"^(\S.{0,100}?)\s+(?:von|de|del|di|do|da|du|par|por)\s+(\S.{0,60})$", re.IGNORECASE)
# Not after the point of "St. Anger".
_BETWEEN_SENTENCES = re.compile(
    r"(?<=[.!?])(?<!\bst\.)(?<!\bdr\.)(?<!\bmr\.)(?<!\bms\.)(?<!\bmrs\.)(?<!\bvol\.)(?<!\bno\.)(?<!\bpt\.)\s+(?=(?-i:[A-ZÄÖÜÉÀÁÓÚ¿¡])|(?<=\?\s)(?!by\b)\w)",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"^\W*(?:i|my|we|our|this|that|it|ich|mein\w*|wir|yo|mi|me|je|j['’]|mon|ma|eu|meu|minha)\b", re.IGNORECASE
)
# "Any rock songs? No wait, blues."
_RATHER = re.compile(
    r"[.!?,;]\s+(?:(?:no|nope|wait|sorry|actually|oh|i\s+mean|rather|make\s+that|nein|warte|lieber|ach|mejor|perd[óo]n|espera|non|plut[ôo]t|pardon|n[ãa]o|melhor|desculpe)"
    r"[\s,]+)+(?:i\s+mean\s+|rather\s+)?(?P<name>[^.!?,;]{1,60})$",
    re.IGNORECASE,
)
_DO_YOU_HAVE = re.compile(
    r"^(?:(?:hi|hello|hey|ok|and|so|hallo|hola|bonjour|ol[áa])\W+)*(?:d[ou]\s+(?:you|u|ya)\s+(?:have|hav|sell|got)|have\s+you\s+got|habt\s+ihr|haben\s+sie|ten[ée]is|tienen|tienes"
    r"|avez[\s-]vous|voc[êe]s?\s+t[êe]m)\s+(?:(?:any(?:thing)?|some(?:thing)?|the|by|from|of|was|etwas|von|algo|de)\s+)*(?P<name>[^\s?!.]+(?:\s+[^\s?!.]+){0,3})[\s?!.]*$",
    re.IGNORECASE,
)
_ANYTHING_BY = re.compile(rf"\b{_SOMETHING}\s+{_BY}\s+\S", re.IGNORECASE)
_BETWEEN_QUESTIONS = re.compile(
    rf"\s*(?:[,;]|\b(?:and|und|y|et|e)\b)\s+(?=(?:(?:also|the|some|any|all|die|las?|les|as|os|los)\s+)*(?:{_SONGS}|{_ALBUMS})\s+(?:{_BY}|in)\s)",
    re.IGNORECASE,
)
# What is said before and after what is asked.
_COURTESY = (
    r"please|pls|sorry|i\s+meant?|thanks?|thank\s+you|good\s+(?:morning|afternoon|evening|night|day)|hi|hello|hey|can\s+you|could\s+you|would\s+you|i\s+want|i\s+would\s+like|i['’]d\s+like"
    r"|i\s+need|i\s+am|i['’]m|looking\s+for|d[ou]\s+(?:you|u|ya)\s+(?:have|hav|know|sell|got)|have\s+you\s+got|you\s+(?:have|got)|got"
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
    r"|(?:do|can|could|are|is|if)\s+(?:you|there|i|it|they)\b(?:(?!\b(?:by|of|from|in)\b).)*|available|for\s+sale|in\s+stock|too|then|instead|cost|and\s+why|bitte|por\s+favor|s['’]il\s+vous\s+pla[îi]t|avez[\s-]vous|vous\s+avez|pls|there|here)"
    r"|,?\s+and\s+(?:how|what|who|which|when|where)\b.*|,\s*(?:what|which|who|how|is|do|can)\b.*|\s+(?:is\s+)?(?:on|in)\s+my\s+.*)+$",
    re.IGNORECASE,
)
# "What songs do you have", "the album it is on".
_GENRES = {"genres", "styles", "generos"}
_NOBODY = {
    "their",
    "his",
    "her",
    "ok and their",
    "you",
    "u",
    "ya",
    "they",
    "we",
    "it",
    "that",
    "this",
    "ihr",
    "sie",
    "vous",
    "voces",
    "ustedes",
    "it is",
    "it is on",
}
AROUND = " \t\n.,;:!?¿¡\"“”‘’'"


def catalogue_calls(message: str) -> list[Call]:
    """What the message may ask of the catalogue, the likeliest first; of several questions, the last. None when it says no name."""
    asked = catalogue_questions(message)
    return asked[-1] if asked else []


def catalogue_questions(message: str) -> list[list[Call]]:
    """What each question in the message may ask of the catalogue, the likeliest first. What is no question counts where it
    comes last: "I love the song Angie. Which albums are there by U2?" asks one thing."""
    sentences = [part for part in sentences_of(message) if part.strip(AROUND)]
    asked: list[list[Call]] = []
    for sentence in reversed(sentences):
        is_asked = sentence.endswith("?") or not _TOLD.match(sentence)
        if (not asked or is_asked) and (calls := list(_meant(sentence))):
            asked.insert(0, calls)
    if asked and (rather := _RATHER.search(message.strip(AROUND))):
        asked[-1] = [replace(call, arguments={NAMED[call.tool]: rather["name"]}, by="") for call in asked[-1]]
    return asked[-MOST_QUESTIONS:]


def asks_for_somebody(message: str) -> bool:
    """Whether it plainly asks for anything by somebody, in words that are no member's."""
    return _ANYTHING_BY.search(message[:LONGEST_MESSAGE]) is not None


def sentences_of(message: str) -> Iterator[str]:
    """Without taking the point of "St. Anger" for an end; of songs asked for twice in one, each."""
    for sentence in _BETWEEN_SENTENCES.split(" ".join(message[:LONGEST_MESSAGE].split())):
        *others, last = _BETWEEN_QUESTIONS.split(sentence)
        yield from (f"{one}?" for one in others)
        yield last


def had_name(message: str) -> str:
    """The name of what somebody asks whether the store has it, in no more words than that."""
    found = _DO_YOU_HAVE.match(" ".join(message[:LONGEST_MESSAGE].split()))
    return found["name"].strip(AROUND) if found else ""


def names_alone(message: str) -> list[Call]:
    """What the message may mean if it is nothing but a name, with some courtesy around it: a genre, an artist, a song."""
    text = _AFTER.sub("", " ".join(message[:LONGEST_MESSAGE].split()).strip(AROUND)).strip(AROUND)
    name = _BEFORE.sub("", text).strip(AROUND)
    return [Call(tool, {NAMED[tool]: name}) for tool in (IN_GENRE, ALBUMS_OF, A_SONG, ON_ALBUM)] if fold(name) else []


def _meant(sentence: str) -> Iterator[Call]:
    whole = sentence.strip(AROUND)
    # Without what comes after the question, and with it where it was the name: "the song Are You Gonna Go My Way".
    for text in dict.fromkeys((_AFTER.sub("", whole).strip(AROUND), whole)):
        guesses: list[Call] = []
        for pattern, tools in _ASKED:
            found = pattern.search(text)
            name = _name_in(found) if found else ""
            if not found or not name:
                continue
            whose = (found.groupdict().get("by") or "").strip(AROUND)
            raw = (found.groupdict().get("name") or name).strip(AROUND)
            calls = [call for tool in tools for call in _calls_of(tool, name, whose, raw)]
            if tools[0] != ON_ALBUM or not _NO_TITLE.match(name):
                yield from calls
                yield from guesses
                return
            guesses += [replace(call, sure=False) for call in calls if call.tool == ON_ALBUM]
        yield from guesses


def _calls_of(tool: str, name: str, whose: str, raw: str) -> Iterator[Call]:
    if tool == IN_GENRE and fold(name) in _GENRES:
        yield Call(IN_GENRE, {"genre": ""})
    elif tool != ON_ALBUM:
        yield Call(tool, {NAMED[tool]: name}, by=whose)
    else:
        if raw != name:  # "For Those About To Rock": the first word is not always the question's
            yield Call(tool, {"album": raw, "artist": whose} if whose else {"album": raw}, sure=False)
        if whose:
            yield Call(tool, {"album": name, "artist": whose})
        yield Call(tool, {"album": f"{name} by {whose}" if whose else name})
        if not whose and (found := _TITLE_BY.match(name)):
            yield Call(tool, {"album": found[1], "artist": found[2]})


def _name_in(found: re.Match[str]) -> str:
    """The name without the words around it; nothing when only such words are left."""
    name = found.groupdict().get("name") or found[1]
    name = _BEFORE.sub("", name.strip(AROUND)).strip(AROUND)
    name = re.sub(r"^(?:(?:band|artist|singer|group|song|track|genre|album)\s+)+", "", name, flags=re.IGNORECASE)
    return name if fold(name) and fold(name) not in _NOBODY and not _BEFORE.fullmatch(name) else ""
