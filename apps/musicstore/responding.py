"""What the team answers when no platform can: routed by keywords, answered from the rows by the same tools.

Opie routes and notes who answered. What only the store knows is noted here: the `tool` that was run with its `arguments` and
`page`, so that "more" can go on from there; which `invoice` was shown last; what was `asked` of the person, so that their answer
is understood; and the layer `records` where the database cannot be read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from django.db import DatabaseError

from apps.musicstore.answers import (
    DirectAnswer,
    answer_catalogue,
    answer_invoices,
    catalogue_page,
    chosen_invoices,
    find_in_catalogue,
    invoices_page,
)
from apps.musicstore.calls import A_SONG, CATALOGUE, EMPLOYEE, INVOICES, ON_ALBUM, Call
from apps.musicstore.catalogue_questions import catalogue_questions, had_name
from apps.musicstore.customer_numbers import names_another
from apps.musicstore.customers import claims_in
from apps.musicstore.following import Following, followed, followed_in_catalogue, with_year
from apps.musicstore.invoice_questions import Wanted, wanted_invoices
from apps.musicstore.languages import code_of, language_of_talk, language_of_text
from apps.musicstore.liking import asks_to_forget, language_in
from apps.musicstore.phrases import say
from apps.musicstore.routing import (
    INVOICE_AGENT,
    MUSIC_AGENT,
    SUPERVISOR,
    is_about_catalogue,
    is_about_purchases,
    route,
)
from apps.musicstore.sentences import SHOWN
from apps.musicstore.several import each_meant, names_in
from apps.musicstore.shop_questions import asks_about_shop
from apps.musicstore.taste import forget_my_taste, note_stated, preferred_language, suggestions
from apps.musicstore.verified import note_asked, state_of, was_asked
from apps.musicstore.wishes import courtesy_in, next_page, says_yes, wants_person
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
ASKED, TOOL, ARGUMENTS, PAGE, SHOWN_LAST = "asked", "tool", "arguments", "page", "invoice"
# How far back the question is looked for that somebody had before they were asked who they are.
TURNS_BACK = 8
# What is said of how the store works, and to what nobody understood.
RULES, DIRECT = ("rules", "can", "call_somebody"), ("can", "what_to_know")


@dataclass(frozen=True)
class Talk:
    """A message that is to be answered, and the conversation that it is in."""

    scope: RunScope
    text: str

    @cached_property
    def earlier(self) -> list[EarlierTurn]:
        return earlier_turns(self.scope, TURNS_BACK)

    @cached_property
    def language(self) -> str:
        """What they asked to be answered in, or else what they write in."""
        asked = [self.text, *(turn.question for turn in reversed(self.earlier))]
        here = next((told for text in asked if (told := language_in(text))), "")
        wanted = code_of(here or preferred_language(self.scope))
        return wanted or language_of_talk(asked) or "en"

    @property
    def last(self) -> EarlierTurn | None:
        return self.earlier[-1] if self.earlier else None

    def say(self, key: str, number: int | None = None, **values: object) -> str:
        return say(self.language, key, number, **values)

    def say_all(self, *keys: str) -> str:
        """The phrases, one after the other; what can be asked as it is for whom they are known to be."""
        is_known = "can" in keys and state_of(self.scope).state == "verified"
        return " ".join(self.say("can_known" if is_known and key == "can" else key) for key in keys)

    def note(self, answered_by: str, layer: str = "keywords") -> None:
        self.scope.notes.update(answered_by=answered_by, layer=layer)


# One way to answer; None where it is not the one.
Way = Callable[[Talk], str | None]


def register_responders() -> None:
    """For the supervisor, and for each member whose own platforms fail."""
    register_responder(SUPERVISOR, respond)
    register_responder(MUSIC_AGENT, _music)
    register_responder(INVOICE_AGENT, _invoices)


def respond(scope: RunScope, text: str) -> str:
    """The supervisor's own answer: to what is neither member's or both's, to who they are, and where a member fails."""
    talk = Talk(scope, text)
    if route(text) is not None:  # that member has failed
        return _direct(talk)
    ways: tuple[Way, ...] = (
        *(_forgotten, _handed_over, _who_they_are, _of_another, _about_shop),
        *(_both, _more, _followed, _followed_in_catalogue, _looked_up),
    )
    return _first_of(ways, talk) or _direct(talk)


def _music(scope: RunScope, text: str) -> str:
    return _first_of((_forgotten, _more, _about_shop, _followed_in_catalogue, _from_catalogue), Talk(scope, text))


def _invoices(scope: RunScope, text: str) -> str:
    return _first_of((_forgotten, _handed_over, _more, _about_shop, _from_invoices), Talk(scope, text))


def _first_of(ways: tuple[Way, ...], talk: Talk) -> str:
    """The answer of the first way that has one, or nothing."""
    try:
        return next((answer for way in ways if (answer := way(talk))), "")
    except DatabaseError:
        return _unreadable(talk)


def _unreadable(talk: Talk) -> str:
    talk.note(SUPERVISOR, "records")
    # The words of the message alone: what else tells the language may be what cannot be read.
    return say(language_of_text(talk.text) or "en", "records_cannot_be_read")


# --- what is asked of the team itself ----------------------------------------------------------------


def _forgotten(talk: Talk) -> str | None:
    if not asks_to_forget(talk.text):
        return None
    talk.note(SUPERVISOR, "direct")
    forget_my_taste(talk.scope)
    return talk.say("forgotten")


def _handed_over(talk: Talk) -> str | None:
    """Whoever wants a person, by themselves or as it was offered, is seen by the team's people from then on."""
    offered = says_yes(talk.text) and _asked_before(talk) == "person"
    if talk.scope.session_id is None or not (wants_person(talk.text) or offered):
        return None
    talk.note(SUPERVISOR, "direct")
    ask_for_person(talk.scope.principal, talk.scope.session_id)
    return talk.say("handed_over")


def _about_shop(talk: Talk) -> str | None:
    """How the store works is not in its records. Not where the message also says who it is: that is seen to first."""
    if VERIFICATION in talk.scope.notes or not asks_about_shop(talk.text):
        return None
    is_of_catalogue = is_about_catalogue(talk.text) and catalogue_questions(talk.text)
    return None if is_of_catalogue else talk.say_all(*RULES)


def _direct(talk: Talk) -> str:
    """What can be asked, and what this person may want to ask for, as far as the rows can be read."""
    try:
        courtesy = courtesy_in(talk.text)
        noted = note_stated(talk.scope, talk.text, talk.language)
        if courtesy in ("you_are_welcome", "goodbye") and not noted:
            return talk.say(courtesy)
        greeting = talk.say(courtesy) if courtesy and not noted else ""
        if not (greeting or noted) and (name := had_name(talk.text)):
            greeting = talk.say("nothing_called", asked=name)
        offered = suggestions(talk.scope, talk.language)
        return " ".join(filter(None, (greeting, noted, talk.say_all(*DIRECT), offered)))
    except DatabaseError:
        return " ".join(say(language_of_text(talk.text) or "en", key) for key in DIRECT)


def _both(talk: Talk) -> str | None:
    """What has the words of both members goes to both, one after the other."""
    if not (is_about_catalogue(talk.text) and is_about_purchases(talk.text)):
        return None
    of_catalogue = answer_catalogue(talk.text, talk.language).text
    is_rules = VERIFICATION not in talk.scope.notes and asks_about_shop(talk.text)
    return f"{of_catalogue}\n\n{talk.say_all(*RULES) if is_rules else _from_invoices(talk)}"


# --- the catalogue -----------------------------------------------------------------------------------


def _from_catalogue(talk: Talk) -> str:
    return _noted(talk, answer_catalogue(talk.text, talk.language))


def _looked_up(talk: Talk) -> str | None:
    """What has no member's words may still be a name that the catalogue has."""
    found = find_in_catalogue(talk.text, talk.language)
    if found is None:
        return None
    talk.note(MUSIC_AGENT)
    return _noted(talk, found)


def _followed_in_catalogue(talk: Talk) -> str | None:
    """What goes on from what was looked up last."""
    tool = str(talk.last.notes.get(TOOL, "")) if talk.last else ""
    if talk.last is None or tool not in CATALOGUE:
        return None
    call = followed_in_catalogue(talk.text, Call(tool, talk.last.notes.get(ARGUMENTS, {})))
    if call is None:
        return None
    found = catalogue_page(each_meant(call), 1, talk.language)
    name = names_in(call)[0]
    if tool == call.tool in (A_SONG, ON_ALBUM) and call.arguments != talk.last.notes.get(ARGUMENTS):
        # "And Queen?" after a song is the band, and not every song with a queen in it.
        found = find_in_catalogue(name, talk.language) or found
    if not (found.answer or {}).get("total"):
        known = find_in_catalogue(talk.text, talk.language)
        if known is None and not call.sure:
            return None
        found = known or found
    talk.note(MUSIC_AGENT)
    return _noted(talk, found)


def _more(talk: Talk) -> str | None:
    """The page after the one that was shown last."""
    last = talk.last if next_page(talk.text, 1) else None
    page = next_page(talk.text, int(last.notes.get(PAGE, 1))) if last and TOOL in last.notes else None
    if last is None or page is None:
        return None
    call = Call(last.notes[TOOL], last.notes.get(ARGUMENTS, {}))
    if call.tool in CATALOGUE:
        talk.note(MUSIC_AGENT)
        return _noted(talk, catalogue_page(call, page, talk.language), page) or talk.say("no_more")
    talk.note(INVOICE_AGENT)
    if call.tool == EMPLOYEE:  # is one, and has no pages
        return talk.say("no_more")
    return _of_verified(talk, lambda customer: invoices_page(call, customer, page, talk.language), page)


def _noted(talk: Talk, answer: DirectAnswer, page: int = 1) -> str:
    if answer.call is not None:
        talk.scope.notes.update({TOOL: answer.call.tool, ARGUMENTS: dict(answer.call.arguments), PAGE: page})
    rows = (answer.answer or {}).get("rows", [])[:SHOWN]
    if rows and "invoice_id" in rows[-1]:
        talk.scope.notes[SHOWN_LAST] = rows[-1]["invoice_id"]
    return answer.text


# --- purchases, and whose they are -------------------------------------------------------------------


def _who_they_are(talk: Talk) -> str | None:
    """Whether the message says who it is, is the code that was sent, or the answer to who they are."""
    session = talk.scope.session_id
    answers = session is not None and was_asked(session) and bool(claims_in(talk.text, asked=True))
    if VERIFICATION not in talk.scope.notes and not answers:
        return None
    talk.note(INVOICE_AGENT)
    return _from_invoices(talk)


def _of_another(talk: Talk) -> str | None:
    """Who asks of another customer is told that there is no way to it, though no word of purchases is said."""
    known = state_of(talk.scope)
    if known.state != "verified" or not names_another(talk.text, int(known.subject)):
        return None
    talk.note(INVOICE_AGENT)
    return talk.say("another")


def _followed(talk: Talk) -> str | None:
    """What goes on from the invoice that was shown last: the one before it, who helped with it, the same of another year."""
    last = talk.last
    if last is None or last.notes.get(TOOL) not in INVOICES or (asked := followed(talk.text)) is None:
        return None
    talk.note(INVOICE_AGENT)
    return _of_verified(talk, lambda customer: _following(talk, last, asked, customer))


def _following(talk: Talk, last: EarlierTurn, asked: Following, customer: int) -> DirectAnswer:
    shown = last.notes.get(SHOWN_LAST)
    if asked.year:
        return answer_invoices(with_year(last.question, asked.year), customer, talk.language)
    if asked.about == "sum":
        return answer_invoices("total", customer, talk.language)
    if asked.about == "chosen":
        return chosen_invoices(wanted_invoices(talk.text) or Wanted("newest", 1), customer, talk.language)
    if shown is None:
        return answer_invoices(talk.text, customer, talk.language)
    if asked.about == "same":
        return chosen_invoices(Wanted("number", int(shown)), customer, talk.language)
    if asked.about == "employee":
        return invoices_page(Call(EMPLOYEE, {"invoice_id": int(shown)}), customer, 1, talk.language)
    before = chosen_invoices(Wanted("before", int(shown)), customer, talk.language)
    rows = (before.answer or {}).get("rows", [])
    if last.notes.get(TOOL) == EMPLOYEE and rows:
        return invoices_page(Call(EMPLOYEE, {"invoice_id": rows[0]["invoice_id"]}), customer, 1, talk.language)
    return before


def _of_verified(talk: Talk, answer: Callable[[int], DirectAnswer], page: int = 1) -> str:
    """What is answered to the customer of the conversation, if there is one."""
    known = state_of(talk.scope)
    if known.state != "verified":
        return _what_is_missing(talk, known)
    return _noted(talk, answer(int(known.subject)), page) or talk.say("no_more")


def _from_invoices(talk: Talk) -> str:
    came = talk.scope.notes.get(VERIFICATION)
    if came == "failed":
        return _unreadable(talk)
    if came == "another":
        return talk.say("another")
    known = state_of(talk.scope)
    if known.state != "verified":
        return _what_is_missing(talk, known)
    if asks_about_shop(talk.text):
        return talk.say_all(*RULES)
    if names_another(talk.text, int(known.subject)):
        return talk.say("another")
    question = talk.text if is_about_purchases(talk.text) else _question_before(talk)
    if not question or names_another(question, int(known.subject)):
        return talk.say("known_now")
    return _noted(talk, answer_invoices(question, int(known.subject), talk.language))


def _what_is_missing(talk: Talk, known: Verification) -> str:
    came = talk.scope.notes.get(VERIFICATION)
    talk.scope.notes[ASKED] = "person" if known.state == "given_up" else "customer"
    match known.state:
        case "given_up":
            return talk.say("hand_over")
        case "code_wanted":
            wrong = talk.say("code_wrong") + " " if came == "code_wrong" else ""
            return wrong + talk.say("code_sent", sent_to=known.sent_to)
        case "code_late" | "code_not_sent":
            return talk.say(known.state)
    note_asked(talk.scope)
    return (talk.say("not_found") + " " if came == "unknown" else "") + talk.say("who_are_you")


def _question_before(talk: Talk) -> str | None:
    """What somebody wanted to know of their purchases before they were asked who they are."""
    for turn in reversed(talk.earlier):
        if is_about_purchases(turn.question) and not asks_about_shop(turn.question):
            return turn.question
        if turn.notes.get(ASKED) != "customer":
            return None
    return None


def _asked_before(talk: Talk) -> str | None:
    """What the team asked with its last answer."""
    return talk.last.notes.get(ASKED) if talk.last is not None else None
