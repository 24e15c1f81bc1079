"""Answers without a model: a message becomes a call of one of the store's tools, and its rows become sentences.

Only what is plainly said is understood. The rest is answered by what could be asked instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from apps.musicstore.bought_questions import names_bought
from apps.musicstore.calls import (
    A_SONG,
    ALBUMS_OF,
    BY_DATE,
    BY_PRICE,
    CATALOGUE,
    EMPLOYEE,
    IN_GENRE,
    INVOICES,
    NAMED,
    ON_ALBUM,
    SONGS_OF,
    Call,
)
from apps.musicstore.catalogue_questions import asks_for_somebody, catalogue_questions, names_alone
from apps.musicstore.invoice_questions import Wanted, invoice_call, wanted_invoices, wants_cheapest
from apps.musicstore.names import are_as_good, squeeze
from apps.musicstore.phrases import say
from apps.musicstore.sentences import SHOWN, cheapest_first, in_sentences, is_called_so, items_called, some_invoices
from apps.musicstore.several import MOST_NAMES, each_meant, names_in
from apps.musicstore.tools.paging import MOST_ROWS, Answer, Row

# Of rows that are looked through for some of them: a thousand.
MOST_PAGES = 40
# Where a tool's rows have the name that they were found by.
_NAME_OF = {ALBUMS_OF: "artist", SONGS_OF: "artist", IN_GENRE: "genre", A_SONG: "track", ON_ALBUM: "album"}


@dataclass(frozen=True, slots=True)
class DirectAnswer:
    """What to say, and the call that it comes from, if there was one."""

    text: str
    call: Call | None = None
    answer: Answer | None = None


def answer_catalogue(message: str, language: str = "en") -> DirectAnswer:
    """From the catalogue's rows, for each question in the message: of the calls that it may mean, the first that finds something."""
    found = [_first_found(calls, language) for calls in catalogue_questions(message)]
    answers = [one for one in found if one is not None]
    if not answers:
        return DirectAnswer(say(language, "catalogue_help"))
    return DirectAnswer("\n\n".join(one.text for one in answers), answers[-1].call, answers[-1].answer)


def _first_found(calls: list[Call], language: str) -> DirectAnswer | None:
    tried: list[DirectAnswer] = []
    for call in calls:
        page = catalogue_page(each_meant(call), 1, language)
        if (page.answer or {}).get("total"):
            return page
        tried += [page] if call.sure else []
    return tried[0] if tried else None


def find_in_catalogue(message: str, language: str = "en") -> DirectAnswer | None:
    """For a message that says nothing of songs or albums: what the catalogue has by exactly a name in it, or by what it
    plainly asks for; None where that is nothing."""
    plain = catalogue_questions(message)
    for calls in plain:
        found = _first_found(calls, language)
        if found and (found.answer or {}).get("total"):
            return answer_catalogue(message, language)
    if found := _called(names_alone(message), language):
        return found
    return answer_catalogue(message, language) if plain and asks_for_somebody(message) else None


def _called(calls: list[Call], language: str) -> DirectAnswer | None:
    """What is called by a name that somebody said alone; of a song and an album of the same name, both."""
    pages: list[DirectAnswer] = []
    for call in map(each_meant, calls):
        found = catalogue_page(call, 1, language)
        if found.answer and found.answer["total"] and (len(names_in(call)) > 1 or _is_called(call, found.answer)):
            pages.append(found)
            if call.tool != A_SONG:
                break
    return DirectAnswer("\n\n".join(page.text for page in pages), pages[-1].call, pages[-1].answer) if pages else None


def catalogue_page(call: Call, page: int, language: str = "en") -> DirectAnswer:
    """A page of what the call finds, or of what it finds for each of its names; no text behind the last."""
    names = names_in(call)
    size = SHOWN if len(names) == 1 else max(2, SHOWN // min(len(names), MOST_NAMES))
    pages = []
    for name in names[:MOST_NAMES]:
        arguments = {"page_size": size, **call.arguments, NAMED[call.tool]: name, "page": page}
        pages.append(_page(call, arguments, language))
    texts = [text for text, _ in pages if text]
    if texts and len(names) > MOST_NAMES:
        texts.append(say(language, "left_out", MOST_NAMES))
    answers = [answer for _, answer in pages]
    return DirectAnswer("\n\n".join(texts), call, answers[0] if len(answers) == 1 else _together(answers))


def _page(call: Call, arguments: dict[str, Any], language: str) -> tuple[str, Answer]:
    answer = CATALOGUE[call.tool](**arguments)
    if call.by:
        answer = _by(call.by, CATALOGUE[call.tool](**{**arguments, "page": 1, "page_size": MOST_ROWS}))
    return _said(call, answer, arguments["page"], language), answer


def _together(answers: list[Answer]) -> Answer:
    rows = [row for answer in answers for row in answer["rows"]]
    return {"total": sum(answer["total"] for answer in answers), "page": 1, "page_size": MOST_ROWS, "rows": rows}


def answer_invoices(message: str, customer_id: int, language: str = "en") -> DirectAnswer:
    """From the rows of this customer, who must be verified: the message decides what is shown of them, never whose they are."""
    call = invoice_call(message)
    if call.tool == EMPLOYEE and "invoice_id" not in call.arguments:
        newest = INVOICES[BY_DATE](customer_id, page_size=1)
        if not newest["rows"]:
            return DirectAnswer(in_sentences(BY_DATE, newest, language), Call(BY_DATE), newest)
        call = Call(EMPLOYEE, {"invoice_id": newest["rows"][0]["invoice_id"]})
    if call.tool == BY_PRICE and wants_cheapest(message):
        answer = cheapest_first(_every_row(partial(INVOICES[BY_PRICE], customer_id)), language)
        return DirectAnswer(answer["message"], None, answer)
    if call.tool == BY_DATE and (bought := _bought(message, customer_id, language)):
        return bought
    wanted = wanted_invoices(message) if call.tool == BY_DATE else None
    return chosen_invoices(wanted, customer_id, language) if wanted else invoices_page(call, customer_id, 1, language)


def _bought(message: str, customer_id: int, language: str) -> DirectAnswer | None:
    """What this customer has bought of a name in the message: nothing, where the catalogue has it; None for what is no name."""
    names = names_bought(message)
    rows = _every_row(partial(INVOICES[BY_PRICE], customer_id)) if names else []
    for name in names:
        if fitting := _fitting(name, rows):
            answer = items_called(name, fitting, language)
            return DirectAnswer(answer["message"], None, answer)
    for name in names:
        if _called([Call(tool, {NAMED[tool]: name}) for tool in (ALBUMS_OF, A_SONG, ON_ALBUM)], language):
            answer = items_called(name, [], language)
            return DirectAnswer(answer["message"], None, answer)
    return None


def _fitting(name: str, rows: list[Row]) -> list[Row]:
    """Those of a song or an artist of this name; else those on the album; else those of whom it is nearly the name."""
    if called := [row for row in rows if is_called_so(name, row)]:
        return called
    on_album = _tracks_on(name)
    return [row for row in rows if (row["track"], row["artist"]) in on_album] or [
        row for row in rows if row["artist"] and are_as_good(name, row["artist"])
    ]


def _tracks_on(album: str) -> set[tuple[str, str]]:
    """The songs on an album of exactly this title, each with its artist."""
    rows = _every_row(partial(CATALOGUE[ON_ALBUM], album=album))
    return {(row["track"], row["artist"]) for row in rows if squeeze(row["album"]) == squeeze(album)}


def chosen_invoices(wanted: Wanted, customer_id: int, language: str = "en") -> DirectAnswer:
    """Those of this customer's invoices that are wanted."""
    rows = _every_row(partial(INVOICES[BY_DATE], customer_id))
    answer = some_invoices(wanted, rows, language) if rows else INVOICES[BY_DATE](customer_id)
    text = answer.get("message", "") if rows else in_sentences(BY_DATE, answer, language)
    return DirectAnswer(text, Call(BY_DATE), answer)


def _every_row(ask: Callable[..., Answer]) -> list[Row]:
    """All that there are, as far as a person would look through them."""
    rows: list[Row] = []
    for page in range(1, MOST_PAGES + 1):
        answer = ask(page=page, page_size=MOST_ROWS)
        rows += answer["rows"]
        if len(rows) >= answer["total"]:
            break
    return rows


def invoices_page(call: Call, customer_id: int, page: int, language: str = "en") -> DirectAnswer:
    """A page of what the call finds of this customer's; no text behind the last."""
    paged = {} if call.tool == EMPLOYEE else {"page_size": SHOWN, **call.arguments, "page": page}
    answer = INVOICES[call.tool](customer_id, **(paged or call.arguments))
    return DirectAnswer(_said(call, answer, page, language), call, answer)


def _by(artist: str, answer: Answer) -> Answer:
    """The rows that are this artist's, if any are."""
    wanted = squeeze(artist)
    rows = [row for row in answer["rows"] if wanted in squeeze(str(row["artist"] or ""))]
    return {"total": len(rows), "page": 1, "page_size": MOST_ROWS, "rows": rows} if rows else answer


def _is_called(call: Call, answer: Answer) -> bool:
    """Whether it was found by its whole name, or, for an artist or a genre, by one that is as good as it: what is only like
    a title was not meant for sure."""
    (said,) = names_in(call)
    name = str(answer["rows"][0][_NAME_OF[call.tool]] or "")
    if call.tool in (A_SONG, ON_ALBUM):
        return squeeze(said) == squeeze(name)
    return are_as_good(said, name)


def _said(call: Call, answer: Answer, page: int, language: str) -> str:
    return "" if page > 1 and not answer["rows"] else in_sentences(call.tool, answer, language)
