"""Tools of the HR manager: words in an advert that keep people away, and the dates of a start."""

import re
from datetime import date, timedelta

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, require_text, table

SATURDAY = 5
# What may discriminate, or only keeps people away; and what to write instead.
RISKY = (
    ("age", r"young|youthful|junior in age|mature|digital native|recent graduates?|fresh graduates?|energetic|under \d\d|over \d\d", "Say which experience or skill the work needs."),
    ("sex", r"salesman|salesmen|businessman|foreman|chairman|waitress|stewardess|manpower|he or she|girls?|guys|lady|ladies|male|female|handyman", "Use a title for everybody: salesperson, supervisor, chair."),
    ("origin", r"native speakers?|mother tongue|native[- ]level|accent[- ]free|citizens? only", "Say the level of the language that the work needs, such as C1."),
    ("health", r"able[- ]bodied|physically fit|perfect health|no health problems|healthy", "Name the task, such as lifting 20 kg, and offer adjustments."),
    ("family", r"unmarried|single|no children|without family|flexible family|pregnan\w+", "Leave it out: it must not be asked."),
    ("religion", r"christian|muslim|jewish|church[- ]going", "Leave it out, unless the law allows it for this very post."),
)  # fmt: skip
KEEPS_AWAY = r"rock ?stars?|ninjas?|gurus?|wizards?|hackers?|aggressive|dominat\w+|fearless|crush\w*|killer|work hard,? play hard|fast[- ]paced|thick[- ]skinned|wear many hats|like a family"
NEEDED = (
    ("pay", r"salary|wage|\bpay\b|compensation|[€$£]\s?\d|\d\s?(?:eur|usd|gbp)|per (?:hour|year|month)"),
    ("place of work", r"remote|hybrid|office|on-?site|based in|location|warehouse|store|branch|home"),
    ("hours or kind of contract", r"full[- ]time|part[- ]time|hours|permanent|fixed[- ]term|temporary|shift"),
    ("how to apply and until when", r"apply|application|send (?:us )?your|deadline|closing date"),
    (
        "adjustments or equal opportunity",
        r"equal opportunit|adjustment|accommodation|disabilit|all backgrounds|regardless of",
    ),
)
MOST_MUSTS = 7


def check_job_advert(text: str) -> str:
    """Find words in a job advert that may discriminate or keep people away, and what is missing. Knows English only.

    Args:
        text: The advert.
    """
    text = require_text(text, "the advert")
    rows = [(kind, f"“{word}”", instead) for kind, words, instead in RISKY for word in _found(words, text)]
    rows += [
        ("keeps people away", f"“{word}”", "Say what the work is like, plainly.") for word in _found(KEEPS_AWAY, text)
    ]
    notes = [f"Missing: {what}." for what, words in NEEDED if not re.search(words, text, re.IGNORECASE)]
    musts = len(re.findall(r"\b(?:must|required|essential|need to have)\b", text, re.IGNORECASE))
    if musts > MOST_MUSTS:
        notes.append(f"{musts} things are called necessary: each one keeps good people away. Which are?")
    shown = table(["Kind", "Words", "Instead"], rows) if rows else "These rules find no risky words."
    return f"{shown}\n\n{bullets(notes)}".strip() + "\n\nWords are a hint; what is allowed depends on the country."


def onboarding_dates(start: str) -> str:
    """The dates of a new colleague's first day, first week and of the talks after 30, 60 and 90 days.

    Args:
        start: The first day, such as 2026-03-02
    """
    try:
        first = date.fromisoformat(start.strip())
    except ValueError:
        raise InvalidInput("start: write it as 2026-03-02.") from None
    if not 1990 <= first.year <= 2200:
        raise InvalidInput("start: give a year between 1990 and 2200.")
    points = (
        ("Before the start: contract, accounts, equipment", -7), ("First day", 0), ("End of the first week", 4),
        ("Talk after 30 days", 30), ("Talk after 60 days", 60), ("Talk after 90 days", 90),
    )  # fmt: skip
    rows = [(what, f"{_working_day(first + timedelta(days=days)):%A, %d %B %Y}") for what, days in points]
    return table(["What", "When"], rows) + "\n\nWeekends are moved to the Monday after; holidays are not known here."


def _found(words: str, text: str) -> list[str]:
    return list(dict.fromkeys(word.lower() for word in re.findall(rf"(?<!\w)(?:{words})(?!\w)", text, re.IGNORECASE)))


def _working_day(day: date) -> date:
    return day + timedelta(days=7 - day.weekday()) if day.weekday() >= SATURDAY else day
