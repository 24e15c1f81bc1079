"""Answers without a model: a message becomes a call of one of the store's tools, and its rows become sentences.

Only what is plainly said is understood. The rest is answered by what could be asked instead.
"""

from dataclasses import dataclass
from difflib import SequenceMatcher

from apps.musicstore.calls import A_SONG, ALBUMS_OF, BY_DATE, CATALOGUE, EMPLOYEE, IN_GENRE, INVOICES, SONGS_OF, Call
from apps.musicstore.catalogue_questions import catalogue_calls, names_alone
from apps.musicstore.invoice_questions import invoice_call, wanted_invoices
from apps.musicstore.names import squeeze
from apps.musicstore.sentences import SHOWN, in_sentences, some_invoices
from apps.musicstore.tools.paging import MOST_ROWS, Answer, Row

CATALOGUE_HELP = (
    "I can look up the albums or songs of an artist, the songs in a genre, or one song by its title. For example: "
    "“albums by AC/DC”, “songs in Jazz”, or “do you have the song Enter Sandman?”"
)

# Of two names, of which one may be misspelled: "metalica" and "Metallica", not "hello" and "Hells".
AS_GOOD, SHORTEST_MISSPELLED = 0.88, 6
# Of invoices that are looked through for some of them: a thousand.
MOST_PAGES = 40
# Where a tool's rows have the name that they were found by.
_NAMED = {ALBUMS_OF: "artist", SONGS_OF: "artist", IN_GENRE: "genre", A_SONG: "track"}


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
        tried.append(catalogue_page(call, 1))
        if (tried[-1].answer or {}).get("total"):
            return tried[-1]
    return tried[0] if tried else DirectAnswer(CATALOGUE_HELP)


def find_in_catalogue(message: str) -> DirectAnswer | None:
    """For a message that says nothing of songs or albums: what the catalogue has by exactly a name in it, or by what it
    plainly asks for; None where that is nothing."""
    plain = catalogue_calls(message)
    for call in (*plain, *names_alone(message)):
        found = catalogue_page(call, 1)
        if found.answer and found.answer["total"] and (call in plain or _is_called(call, found.answer)):
            return found
    return None


def catalogue_page(call: Call, page: int) -> DirectAnswer:
    """A page of what the call finds; no text behind the last."""
    answer = CATALOGUE[call.tool](**{"page_size": SHOWN, **call.arguments, "page": page})
    if call.by:
        answer = _by(call.by, CATALOGUE[call.tool](**{**call.arguments, "page_size": MOST_ROWS}))
    return DirectAnswer(_said(call, answer, page), call, answer)


def answer_invoices(message: str, customer_id: int) -> DirectAnswer:
    """From the rows of this customer, who must be verified: the message decides what is shown of them, never whose they are."""
    call = invoice_call(message)
    if call.tool == EMPLOYEE and "invoice_id" not in call.arguments:
        newest = INVOICES[BY_DATE](customer_id, page_size=1)
        if not newest["rows"]:
            return DirectAnswer(in_sentences(BY_DATE, newest), Call(BY_DATE), newest)
        call = Call(EMPLOYEE, {"invoice_id": newest["rows"][0]["invoice_id"]})
    wanted = wanted_invoices(message) if call.tool == BY_DATE else None
    if wanted is None:
        return invoices_page(call, customer_id, 1)
    rows = _every_invoice(customer_id)
    answer = some_invoices(wanted, rows) if rows else INVOICES[BY_DATE](customer_id)
    text = answer.get("message", "") if rows else in_sentences(BY_DATE, answer)
    return DirectAnswer(text, Call(BY_DATE), answer)


def _every_invoice(customer_id: int) -> list[Row]:
    """All of this customer's, the newest first, as far as a person would look through them."""
    rows: list[Row] = []
    for page in range(1, MOST_PAGES + 1):
        answer = INVOICES[BY_DATE](customer_id, page=page, page_size=MOST_ROWS)
        rows += answer["rows"]
        if len(rows) >= answer["total"]:
            break
    return rows


def invoices_page(call: Call, customer_id: int, page: int) -> DirectAnswer:
    """A page of what the call finds of this customer's; no text behind the last."""
    paged = {} if call.tool == EMPLOYEE else {"page_size": SHOWN, **call.arguments, "page": page}
    answer = INVOICES[call.tool](customer_id, **(paged or call.arguments))
    return DirectAnswer(_said(call, answer, page), call, answer)


def _by(artist: str, answer: Answer) -> Answer:
    """The rows that are this artist's, if any are."""
    wanted = squeeze(artist)
    rows = [row for row in answer["rows"] if wanted in squeeze(str(row["artist"] or ""))]
    return {"total": len(rows), "page": 1, "page_size": MOST_ROWS, "rows": rows} if rows else answer


def _is_called(call: Call, answer: Answer) -> bool:
    """Whether it was found by its whole name, or, for an artist or a genre, by one that is as good as it: what is only like
    the title of a song was not meant for sure."""
    (said,) = call.arguments.values()
    one, other = squeeze(str(said)), squeeze(str(answer["rows"][0][_NAMED[call.tool]] or ""))
    if call.tool == A_SONG or len(one) < SHORTEST_MISSPELLED:
        return one == other
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= AS_GOOD


def _said(call: Call, answer: Answer, page: int) -> str:
    return "" if page > 1 and not answer["rows"] else in_sentences(call.tool, answer)
