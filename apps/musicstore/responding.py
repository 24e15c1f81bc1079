"""What the team answers when no platform can: routed by keywords, answered from the rows by the same tools.

Opie routes and notes who answered. What only the store knows is noted here: the `tool` that was run with its `arguments` and
`page`, so that "more" can go on from there; what was `asked` of the person, so that their answer is understood; and the layer
`records` where the database cannot be read.
"""

from collections.abc import Callable

from django.db import DatabaseError

from apps.musicstore.answers import (
    DirectAnswer,
    answer_catalogue,
    answer_invoices,
    catalogue_page,
    find_in_catalogue,
    invoices_page,
)
from apps.musicstore.calls import CATALOGUE, Call
from apps.musicstore.customers import claims_in
from apps.musicstore.liking import asks_to_forget
from apps.musicstore.routing import (
    INVOICE_AGENT,
    MUSIC_AGENT,
    SUPERVISOR,
    is_about_catalogue,
    is_about_purchases,
    route,
)
from apps.musicstore.taste import forget_my_taste, note_stated, suggestions
from apps.musicstore.verified import note_asked, state_of, was_asked
from apps.musicstore.wishes import next_page, says_yes, wants_person
from apps.opie.extend import (
    EarlierTurn,
    RunScope,
    Verification,
    ask_for_person,
    earlier_turns,
    register_responder,
)

# What Opie notes of the step that comes before: whether this message said who it is, or had the code.
VERIFICATION = "verification"
ASKED, TOOL, ARGUMENTS, PAGE = "asked", "tool", "arguments", "page"
# How far back the question is looked for that somebody had before they were asked who they are.
TURNS_BACK = 8

RECORDS_CANNOT_BE_READ = (
    "I cannot read our records at the moment. Please try again in a few minutes; if it is urgent, ask for a person."
)
WHO_ARE_YOU = (
    "To show you your purchases I need to know who you are. Please tell me your customer number, or the e-mail address or"
    " telephone number of your account."
)
NOT_FOUND = "I could not find an account by that. "
CODE_SENT = "I have sent a code of six digits to {sent_to}. Please write it here; it is valid for ten minutes."
CODE_WRONG = "That is not the code. "
CODE_LATE = "That code is no longer valid. Please tell me again who you are, and I will send you another."
CODE_NOT_SENT = (
    "To show you your purchases I have to send you a code, and I could not send one. Please tell me again later who you"
    " are; if it is urgent, ask for a person."
)
HAND_OVER = "I could not find your account. I would like to hand over to one of our people: shall I?"
HANDED_OVER = (
    "I have asked one of our people to come. They will answer here as soon as they can; meanwhile, ask me whatever you like"
    " about our catalogue."
)
ANOTHER = (
    "This conversation is about the account it was begun with, and I can show no other in it. Please start a new"
    " conversation for another account."
)
KNOWN_NOW = (
    "Thank you, I know now who you are. I can show you your invoices, what was most expensive of what you bought, and who"
    " looks after you. What would you like to see?"
)
NO_MORE = "That was all there is of it."
DIRECT = (
    "I can look up albums, songs, artists and genres in our catalogue, and your own invoices once I know who you are. What"
    " would you like to know?"
)

# One way to answer; None where it is not the one.
Way = Callable[[RunScope, str], str | None]


def register_responders() -> None:
    """For the supervisor, and for each member whose own platforms fail."""
    register_responder(SUPERVISOR, respond)
    register_responder(MUSIC_AGENT, _music)
    register_responder(INVOICE_AGENT, _invoices)


def respond(scope: RunScope, text: str) -> str:
    """The supervisor's own answer: to what is neither member's or both's, to who they are, and where a member fails."""
    if route(text) is not None:  # that member has failed
        return _direct(scope, text)
    return _first_of((_forgotten, _handed_over, _who_they_are, _both, _more, _looked_up), scope, text) or _direct(
        scope, text
    )


def _music(scope: RunScope, text: str) -> str:
    return _first_of((_forgotten, _more, _from_catalogue), scope, text)


def _invoices(scope: RunScope, text: str) -> str:
    return _first_of((_forgotten, _handed_over, _more, _from_invoices), scope, text)


def _first_of(ways: tuple[Way, ...], scope: RunScope, text: str) -> str:
    """The answer of the first way that has one, or nothing."""
    try:
        return next((answer for way in ways if (answer := way(scope, text))), "")
    except DatabaseError:
        scope.notes.update(answered_by=SUPERVISOR, layer="records")
        return RECORDS_CANNOT_BE_READ


# --- what is asked of the team itself ----------------------------------------------------------------


def _forgotten(scope: RunScope, text: str) -> str | None:
    if not asks_to_forget(text):
        return None
    scope.notes.update(answered_by=SUPERVISOR, layer="direct")
    return forget_my_taste(scope)


def _handed_over(scope: RunScope, text: str) -> str | None:
    """Whoever wants a person, by themselves or as it was offered, is seen by the team's people from then on."""
    if scope.session_id is None or not (wants_person(text) or (says_yes(text) and _asked_before(scope) == "person")):
        return None
    scope.notes.update(answered_by=SUPERVISOR, layer="direct")
    ask_for_person(scope.principal, scope.session_id)
    return HANDED_OVER


def _direct(scope: RunScope, text: str) -> str:
    """What can be asked, and what this person may want to ask for, as far as the rows can be read."""
    try:
        return note_stated(scope, text) + DIRECT + suggestions(scope)
    except DatabaseError:
        return DIRECT


def _both(scope: RunScope, text: str) -> str | None:
    """What has the words of both members goes to both, one after the other."""
    if not (is_about_catalogue(text) and is_about_purchases(text)):
        return None
    of_catalogue = answer_catalogue(text).text
    return f"{of_catalogue}\n\n{_from_invoices(scope, text)}"


# --- the catalogue -----------------------------------------------------------------------------------


def _from_catalogue(scope: RunScope, text: str) -> str:
    return _noted(scope, answer_catalogue(text))


def _looked_up(scope: RunScope, text: str) -> str | None:
    """What has no member's words may still be a name that the catalogue has."""
    found = find_in_catalogue(text)
    if found is None:
        return None
    scope.notes.update(answered_by=MUSIC_AGENT, layer="keywords")
    return _noted(scope, found)


def _more(scope: RunScope, text: str) -> str | None:
    """The page after the one that was shown last."""
    last = _last_turn(scope) if next_page(text, 1) else None
    page = next_page(text, int(last.notes.get(PAGE, 1))) if last and TOOL in last.notes else None
    if last is None or page is None:
        return None
    call = Call(last.notes[TOOL], last.notes.get(ARGUMENTS, {}))
    if call.tool in CATALOGUE:
        scope.notes.update(answered_by=MUSIC_AGENT, layer="keywords")
        return _noted(scope, catalogue_page(call, page), page) or NO_MORE
    scope.notes.update(answered_by=INVOICE_AGENT, layer="keywords")
    known = state_of(scope)
    if known.state != "verified":
        return _what_is_missing(scope, known)
    return _noted(scope, invoices_page(call, int(known.subject), page), page) or NO_MORE


def _noted(scope: RunScope, answer: DirectAnswer, page: int = 1) -> str:
    if answer.call is not None:
        scope.notes.update({TOOL: answer.call.tool, ARGUMENTS: dict(answer.call.arguments), PAGE: page})
    return answer.text


# --- purchases, and whose they are -------------------------------------------------------------------


def _who_they_are(scope: RunScope, text: str) -> str | None:
    """Whether the message says who it is, is the code that was sent, or the answer to who they are."""
    came = scope.notes.get(VERIFICATION)
    answers = scope.session_id is not None and was_asked(scope.session_id) and bool(claims_in(text, asked=True))
    if came is None and not answers:
        return None
    scope.notes.update(answered_by=INVOICE_AGENT, layer="keywords")
    return _from_invoices(scope, text)


def _from_invoices(scope: RunScope, text: str) -> str:
    came = scope.notes.get(VERIFICATION)
    if came == "failed":
        scope.notes.update(answered_by=SUPERVISOR, layer="records")
        return RECORDS_CANNOT_BE_READ
    if came == "another":
        return ANOTHER
    known = state_of(scope)
    if known.state != "verified":
        return _what_is_missing(scope, known)
    question = text if is_about_purchases(text) else _question_before(scope)
    return _noted(scope, answer_invoices(question, int(known.subject))) if question else KNOWN_NOW


def _what_is_missing(scope: RunScope, known: Verification) -> str:
    came = scope.notes.get(VERIFICATION)
    scope.notes[ASKED] = "person" if known.state == "given_up" else "customer"
    match known.state:
        case "given_up":
            return HAND_OVER
        case "code_wanted":
            return (CODE_WRONG if came == "code_wrong" else "") + CODE_SENT.format(sent_to=known.sent_to)
        case "code_late":
            return CODE_LATE
        case "code_not_sent":
            return CODE_NOT_SENT
    note_asked(scope)
    return (NOT_FOUND if came == "unknown" else "") + WHO_ARE_YOU


def _question_before(scope: RunScope) -> str | None:
    """What somebody wanted to know of their purchases before they were asked who they are."""
    for turn in reversed(earlier_turns(scope, TURNS_BACK)):
        if is_about_purchases(turn.question):
            return turn.question
        if turn.notes.get(ASKED) != "customer":
            return None
    return None


def _asked_before(scope: RunScope) -> str | None:
    """What the team asked with its last answer."""
    last = _last_turn(scope)
    return last.notes.get(ASKED) if last is not None else None


def _last_turn(scope: RunScope) -> EarlierTurn | None:
    return next(iter(earlier_turns(scope, 1)), None)
