"""What the team answers when no platform can: routed by keywords, answered from the rows by the same tools.

Opie routes and notes who answered. What only the store knows is noted here: the `tool` that was run, and the layer `records`
where the database cannot be read.
"""

from django.db import DatabaseError

from apps.musicstore.answers import answer_catalogue, answer_invoices
from apps.musicstore.customers import claims_in
from apps.musicstore.liking import asks_to_forget
from apps.musicstore.routing import INVOICE_AGENT, MUSIC_AGENT, SUPERVISOR
from apps.musicstore.taste import forget_my_taste, note_stated, suggestions
from apps.musicstore.verified import note_asked, state_of, was_asked
from apps.opie.extend import RunScope, Verification, register_responder

# What Opie notes of the step that comes before: whether this message said who it is, or had the code.
VERIFICATION = "verification"

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
DIRECT = (
    "I can look up albums, songs, artists and genres in our catalogue, and your own invoices once I know who you are. What"
    " would you like to know?"
)


def register_responders() -> None:
    """For the supervisor, and for each member whose own platforms fail."""
    register_responder(SUPERVISOR, respond)
    register_responder(MUSIC_AGENT, _music)
    register_responder(INVOICE_AGENT, _invoices)


def respond(scope: RunScope, text: str) -> str:
    """The supervisor's own answer: to what is neither member's, to who they are, and where a member fails."""
    if asks_to_forget(text):
        return _forgotten(scope)
    if _says_who(scope, text):
        scope.notes.update(answered_by=INVOICE_AGENT, layer="keywords")
        return _invoices(scope, text)
    return _direct(scope, text)


def _says_who(scope: RunScope, text: str) -> bool:
    """Whether the message is the answer to who they are, or the code that was sent."""
    if scope.session_id is None or not was_asked(scope.session_id):
        return False
    return VERIFICATION in scope.notes or bool(claims_in(text, asked=True))


def _direct(scope: RunScope, text: str) -> str:
    """What can be asked, and what this person may want to ask for, as far as the rows can be read."""
    try:
        noted = note_stated(scope, text)
        return (f"I have noted: {', '.join(noted)}. " if noted else "") + DIRECT + suggestions(scope)
    except DatabaseError:
        return DIRECT


def _forgotten(scope: RunScope) -> str:
    scope.notes.update(answered_by=SUPERVISOR, layer="direct")
    try:
        return forget_my_taste(scope)
    except DatabaseError:
        return _unreadable(scope)


def _unreadable(scope: RunScope) -> str:
    scope.notes.update(answered_by=SUPERVISOR, layer="records")
    return RECORDS_CANNOT_BE_READ


def _from_catalogue(scope: RunScope, text: str) -> str:
    answer = answer_catalogue(text)
    if answer.call is not None:
        scope.notes["tool"] = answer.call.tool
    return answer.text


def _from_invoices(scope: RunScope, text: str) -> str:
    known = state_of(scope)
    if known.state != "verified":
        return _what_is_missing(scope, known)
    answer = answer_invoices(text, int(known.subject))
    if answer.call is not None:
        scope.notes["tool"] = answer.call.tool
    return answer.text


def _what_is_missing(scope: RunScope, known: Verification) -> str:
    came = scope.notes.get(VERIFICATION)
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


def _music(scope: RunScope, text: str) -> str:
    if asks_to_forget(text):
        return _forgotten(scope)
    try:
        return _from_catalogue(scope, text)
    except DatabaseError:
        return _unreadable(scope)


def _invoices(scope: RunScope, text: str) -> str:
    if asks_to_forget(text):
        return _forgotten(scope)
    try:
        return _from_invoices(scope, text)
    except DatabaseError:
        return _unreadable(scope)
