"""Answers without a model: a message becomes a call of one of the store's tools, and its rows become sentences.

Only what is plainly said is understood. The rest is answered by what could be asked instead.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.musicstore.names import fold
from apps.musicstore.sentences import in_sentences
from apps.musicstore.tools import catalogue, invoices
from apps.musicstore.tools.paging import MOST_ROWS, Answer, nothing

CATALOGUE_HELP = (
    "I can look up the albums or songs of an artist, the songs in a genre, or one song by its title. For example: "
    "“albums by AC/DC”, “songs in Jazz”, or “do you have the song Enter Sandman?”"
)
LONGEST_MESSAGE = 500

CATALOGUE: Mapping[str, Callable[..., Answer]] = {
    tool.__name__: tool
    for tool in (
        catalogue.get_albums_by_artist,
        catalogue.get_tracks_by_artist,
        catalogue.get_songs_by_genre,
        catalogue.check_for_songs,
    )
}
INVOICES: Mapping[str, Callable[..., Answer]] = {
    tool.__name__: tool
    for tool in (
        invoices.get_invoices_by_customer_sorted_by_date,
        invoices.get_invoices_sorted_by_unit_price,
        invoices.get_employee_by_invoice_and_customer,
    )
}
_BY_DATE, _BY_PRICE, _EMPLOYEE = INVOICES


@dataclass(frozen=True, slots=True)
class Call:
    """A tool and what it is given; never the customer."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DirectAnswer:
    """What to say, and the call that it comes from, if there was one."""

    text: str
    call: Call | None = None
    answer: Answer | None = None


def answer_catalogue(message: str) -> DirectAnswer:
    """From the catalogue's rows: of the calls that the message may mean, the first that finds something."""
    tried: list[DirectAnswer] = []
    for call in catalogue_calls(message):
        answer = CATALOGUE[call.tool](**call.arguments)
        tried.append(DirectAnswer(in_sentences(call.tool, answer), call, answer))
        if answer["total"]:
            return tried[-1]
    return tried[0] if tried else DirectAnswer(CATALOGUE_HELP)


def answer_invoices(message: str, customer_id: int) -> DirectAnswer:
    """From the rows of this customer, who must be verified: the message decides what is shown of them, never whose they are."""
    call = invoice_call(message)
    if call.tool == _EMPLOYEE and "invoice_id" not in call.arguments:
        newest = INVOICES[_BY_DATE](customer_id, page_size=1)
        if not newest["rows"]:
            return DirectAnswer(in_sentences(_BY_DATE, newest), Call(_BY_DATE), newest)
        call = Call(_EMPLOYEE, {"invoice_id": newest["rows"][0]["invoice_id"]})
    answer = INVOICES[call.tool](customer_id, **call.arguments)
    number = _invoice_number(message)
    if call.tool == _BY_DATE and number is not None:
        answer = _only(answer, number)
    return DirectAnswer(in_sentences(call.tool, answer), call, answer)


def _only(answer: Answer, number: int) -> Answer:
    rows = [row for row in answer["rows"] if row["invoice_id"] == number]
    if not rows:
        return nothing(f"There is no invoice {number} among your {len(answer['rows'])} newest.")
    return {"total": 1, "page": 1, "page_size": 1, "rows": rows}


# --- what is asked of the catalogue ------------------------------------------------------------------

_SONGS = r"(?:songs?|tracks?|music)"
_QUOTED = r"[\"“”‘’']([^\"“”]{1,100})[\"“”’']"
_NAME = r"(?P<name>\S.{0,100}?)"
_HAVE = r"(?:have|has|had|made?|make|record(?:ed)?|release[sd]?|sing|play|written|wrote)"
_ALBUMS_OF, _SONGS_OF, _IN_GENRE, _A_SONG = CATALOGUE
# In this order: what says more comes first. A pattern may stand for several calls, tried one after the other.
_ASKED: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = tuple(
    (re.compile(pattern, re.IGNORECASE), tools)
    for pattern, tools in (
        (rf"\b{_SONGS}\s+(?:called|named|titled|entitled)\s+{_NAME}$", (_A_SONG,)),
        (rf"\b{_SONGS}\s+{_QUOTED}", (_A_SONG,)),
        (rf"\b(?:genre|style)\s*(?:of|called|named|is|:)?\s+{_NAME}$", (_IN_GENRE,)),
        (rf"\b(?:in|of|from|for)\s+(?:the\s+)?{_NAME}\s+genre$", (_IN_GENRE,)),
        (rf"^{_NAME}\s+genre$", (_IN_GENRE,)),
        (rf"\balbums?\b.*?\b(?:by|of|from)\s+{_NAME}$", (_ALBUMS_OF,)),
        (rf"\balbums?\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (_ALBUMS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+albums?\b", (_ALBUMS_OF,)),
        (rf"\b{_SONGS}\b.*?\bby\s+{_NAME}$", (_SONGS_OF,)),
        (rf"\b{_SONGS}\s+(?:in|of|from)\s+(?:the\s+)?{_NAME}$", (_IN_GENRE, _SONGS_OF)),
        (rf"\b{_SONGS}\s+(?:does|do|did|has|have)\s+{_NAME}(?:\s+{_HAVE}\b.*)?$", (_SONGS_OF,)),
        (rf"{_NAME}(?:['’]s?)\s+{_SONGS}\b", (_SONGS_OF,)),
        (rf"\bartists?\s+(?:called|named)?\s*{_NAME}$", (_ALBUMS_OF,)),
        (rf"\b(?:the|a)\s+(?:song|track)\s+{_NAME}$", (_A_SONG,)),
        (rf"\b(?:song|track)\s*[:=]\s*{_NAME}$", (_A_SONG,)),
        (rf"{_NAME}\s+{_SONGS}$", (_IN_GENRE, _SONGS_OF, _A_SONG)),
        (rf"{_NAME}\s+albums?$", (_ALBUMS_OF,)),
    )
)
_PARAMETER = {_ALBUMS_OF: "artist", _SONGS_OF: "artist", _IN_GENRE: "genre", _A_SONG: "song_title"}
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


# --- what is asked of the invoices -------------------------------------------------------------------

_INVOICE_NUMBER = re.compile(
    r"\b(?:invoice|order|purchase|bill|receipt)\s*(?:(?:no\.?|nr\.?|number|id|is|#|:)\s*){0,3}(?<![\w.])([0-9]{1,9})(?![\w@]|[.,/-][0-9])",
    re.IGNORECASE,
)
_ABOUT_PEOPLE = re.compile(
    r"\b(?:who|whom|employees?|rep|representative|staff|agent|salesperson|contact)\b|\bsupport\b", re.IGNORECASE
)
_ABOUT_PRICES = re.compile(
    r"\b(?:unit\s+prices?|prices?|pric(?:ey|iest)|expensive|dear(?:est)?|cheap(?:est)?|cost(?:s|ly|liest)?)\b",
    re.IGNORECASE,
)
_THE_NEWEST = re.compile(
    r"\b(?:last|latest|newest|most\s+recent)\s+(?:invoice|order|purchase|payment|bill)(?!\w)", re.IGNORECASE
)


def invoice_call(message: str) -> Call:
    """What the message asks of the customer's own invoices: all of them by date, when it says nothing nearer."""
    message = message[:LONGEST_MESSAGE]
    number = _invoice_number(message)
    if _ABOUT_PEOPLE.search(message):
        return Call(_EMPLOYEE, {} if number is None else {"invoice_id": number})
    if _ABOUT_PRICES.search(message):
        return Call(_BY_PRICE)
    if number is not None:
        return Call(_BY_DATE, {"page_size": MOST_ROWS})
    return Call(_BY_DATE, {"page_size": 1} if _THE_NEWEST.search(message) else {})


def _invoice_number(message: str) -> int | None:
    found = _INVOICE_NUMBER.search(message[:LONGEST_MESSAGE])
    return int(found[1]) if found else None
