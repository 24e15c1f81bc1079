"""Short messages that go on from the answer before: "and the one before?", "and in 2012?", "which songs are on it?", "and Queen?"."""

import re
from dataclasses import dataclass
from typing import Literal

from apps.musicstore.calls import A_SONG, ALBUMS_OF, CATALOGUE, NAMED, ON_ALBUM, SONGS_OF, Call
from apps.musicstore.names import fold

LONGEST = 80

_AND = r"(?:(?:and|ok|so|but|what about|how about|und|y|et|e|was ist mit|que tal|et pour) )*"
_BEFORE = re.compile(
    rf"{_AND}(?:(?:show|tell|give) me )?(?:(?:the )?(?:one|invoice|order|purchase|time) )?(?:before(?: (?:that|this|it))?(?: one)?|the previous(?: one)?|previous(?: one)?)(?: please)?"
    rf"|{_AND}(?:die |der |das )?(?:davor|vorherige|vorige|rechnung davor|einkauf davor|bestellung davor)(?: bitte)?"
    rf"|{_AND}(?:la|el) (?:anterior|de antes)(?: por favor)?|{_AND}(?:celle|celui|la|le)(?: d)? ?(?:avant|precedente?)(?: s ?il (?:vous|te) plait)?"
    rf"|{_AND}(?:a|o) (?:anterior|de antes)(?: por favor)?"
)
_IT = r"(?:it|that|this|that one|this one|them)"
_EMPLOYEE = re.compile(
    rf"{_AND}who (?:helped|looked after|looks after|served|handled|sold)(?: me)?(?: with| for)?(?: {_IT})?(?: please)?"
    rf"|{_AND}wer hat (?:mir )?(?:dabei|damit) geholfen|{_AND}quien me (?:ayudo|atendio)(?: con (?:eso|esa|ella))?"
    rf"|{_AND}qui ma (?:aide|servie?)(?: pour ca)?|{_AND}quem me (?:ajudou|atendeu)(?: com (?:isso|ela))?"
)
_SUM = re.compile(
    rf"{_AND}(?:the |my |whats the )?total(?: of (?:all(?: of)? )?{_IT})?(?: please)?|{_AND}how much (?:is|was|were) (?:all of )?{_IT}(?: in all| together| altogether| in total)?"
    r"|(?:und )?(?:wie ?viel (?:ist|war) das )?(?:insgesamt|zusammen)|(?:y )?(?:cuanto es )?en total|(?:et )?(?:combien )?(?:ca fait )?en tout|(?:e )?(?:quanto da )?(?:ao todo|no total)"
)
_SAME = re.compile(
    rf"{_AND}(?:when was|what was (?:on|in)|whats (?:on|in)|what did i (?:get|buy)(?: with| on)?|show(?: me)?) {_IT}(?: again)?"
    r"|(?:und )?wann war das|(?:y )?cuando fue(?: eso)?|(?:et )?c ?etait quand|(?:e )?quando foi(?: isso)?"
)
_CHOSEN = re.compile(
    rf"{_AND}(?:(?:show|give) me )?(?:the |my )?(?:very )?(?:first|oldest|last|latest|newest|biggest|largest)(?: one)?(?: please)?"
    rf"|{_AND}(?:die|den) (?:erste|letzte|neueste|grosste)n?(?: bitte)?|{_AND}la (?:primera|ultima|mayor)(?: por favor)?"
    rf"|{_AND}la (?:premiere|derniere|plus elevee)|{_AND}a (?:primeira|ultima|maior)(?: por favor)?"
)
_YEAR = re.compile(rf"{_AND}(?:(?:in|of|from|for|im jahr|en|em|de) )?((?:19|20)[0-9]{{2}})(?: please| bitte)?")
_ANY_YEAR = re.compile(r"\b(?:19|20)[0-9]{2}\b")


About = Literal["before", "employee", "year", "sum", "same", "chosen"]


@dataclass(frozen=True, slots=True)
class Following:
    """What is wanted next: the invoice before, the same again, who looks after it, the sum, another that is chosen, or
    what was asked of a year."""

    about: About
    year: int = 0


def followed(text: str) -> Following | None:
    """What the message goes on with, if it is nothing else."""
    words = fold(text[:LONGEST])
    if found := _YEAR.fullmatch(words):
        return Following("year", int(found[1]))
    pairs: tuple[tuple[About, re.Pattern[str]], ...] = (
        ("before", _BEFORE),
        ("employee", _EMPLOYEE),
        ("sum", _SUM),
        ("same", _SAME),
        ("chosen", _CHOSEN),
    )
    return next((Following(about) for about, pattern in pairs if pattern.fullmatch(words)), None)


def with_year(question: str, year: int) -> str:
    """The question before, of this year."""
    asked, times = _ANY_YEAR.subn(str(year), question)
    return asked if times else f"{question} in {year}"


# --- in the catalogue --------------------------------------------------------------------------------

_KINDS = (
    (SONGS_OF, r"(?:songs?|tracks?|music|lieder|songs|canciones|chansons|musicas)"),
    (ALBUMS_OF, r"(?:albums?|alben|albumes|albuns|discos?|disques?)"),
)
_THEIR = r"(?:their|his|her|its|deren|seine|ihre|sus|leurs|ses|suas|deles)"
_ON_THAT = re.compile(
    r".{0,40}\b(?:on|auf|en|sur|no|nesse) (?:it|that(?: album| one| record)?|this(?: album| one)?|dem album|diesem album|darauf|ese album|este album|cet album|esse album|nele)"
    r"|.{0,20}\b(?:was ist|welche lieder sind) darauf"
)
_BY_WHOM = re.compile(
    r"(?:and |ok )?who (?:made|recorded|sings|sang|wrote|plays|is|did) (?:it|that|this)(?: by| from)?|(?:und )?von wem ist (?:es|das)|(?:y )?de quien es|de qui est ce|de quem e"
)
_ABOUT = re.compile(
    r"^\W*(?:(?:ok|okay|and|und|y|et|e|so)\W+)*(?P<plainly>what\s+about|how\s+about|was\s+ist\s+mit|wie\s+ist\s+es\s+mit|qu[ée]\s+tal|et\s+pour|e\s+quanto\s+a"
    r"|and|und|y|et|e)\s+(?P<name>\S.{0,60}?)(?:\s+(?:then|instead|dann|entonces|alors|ent[ãa]o))?[\s?.!]*$",
    re.IGNORECASE,
)


def followed_in_catalogue(text: str, last: Call) -> Call | None:
    """What is looked up next, after this call: what is on the album, what else is by the artist, the same of another name."""
    words = fold(text[:LONGEST])
    if last.tool in (ON_ALBUM, A_SONG) and _ON_THAT.fullmatch(words):
        return last if last.tool == ON_ALBUM else _album_of(last)
    if last.tool in (ON_ALBUM, A_SONG) and _BY_WHOM.fullmatch(words):
        return last
    for tool, kind in _KINDS:
        if last.tool in (ALBUMS_OF, SONGS_OF) and re.fullmatch(
            rf"{_AND}(?:(?:show|list) (?:me )?)?{_THEIR} {kind}(?: please)?", words
        ):
            return Call(tool, {NAMED[tool]: last.arguments[NAMED[last.tool]]})
    found = _ABOUT.match(" ".join(text[:LONGEST].split()))
    if found is None:
        return None
    is_plain = fold(found["plainly"]) not in ("and", "und", "y", "et", "e")
    return Call(last.tool, {NAMED[last.tool]: found["name"]}, sure=is_plain)


def _album_of(last: Call) -> Call | None:
    """The album of the song that was found first."""
    rows = CATALOGUE[A_SONG](**{**last.arguments, "page_size": 1})["rows"]
    return (
        Call(ON_ALBUM, {"album": rows[0]["album"], "artist": rows[0]["artist"] or ""})
        if rows and rows[0]["album"]
        else None
    )
