"""Tools of legal counsel: periods that statutes set, and what a contract must have in it."""

import calendar
import re
from datetime import date, datetime, timedelta
from typing import Literal

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, require_text, table

Duty = Literal["gdpr_breach", "gdpr_request", "ccpa_request", "ccpa_opt_out"]

SATURDAY = 5
NO_HOLIDAYS = (
    "Public holidays are not known here: look whether the last day is one. This is arithmetic and no legal advice."
)
# What Article 28(3) GDPR wants in a contract with a processor, and words by which it is usually found.
IN_A_PROCESSING_AGREEMENT = (
    ("subject matter, duration, nature and purpose", r"subject[- ]matter|duration|nature and purpose|purpose of (?:the )?processing"),
    ("types of data and kinds of people", r"(?:types?|categor\w+) of (?:personal )?data|data subjects"),
    ("(a) documented instructions only, transfers included", r"documented instructions|only on .{0,30}instructions"),
    ("(b) confidentiality of those who process", r"confidential"),
    ("(c) security as in Article 32", r"article 32|technical and organi[sz]ational measures|security of processing"),
    ("(d) further processors only as in 28(2) and (4)", r"sub-?processor|another processor|further processor"),
    ("(e) help with requests of data subjects", r"(?:requests?|rights) of (?:the )?data subjects?|data subject(?:'s|s')? (?:requests?|rights)|chapter iii"),
    ("(f) help with Articles 32 to 36", r"articles? 3[2-6]|impact assessment|breach"),
    ("(g) deletion or return at the end", r"(?:delet|return|eras|destroy)\w*"),
    ("(h) proof and audits", r"audit|inspection"),
)  # fmt: skip


def legal_deadline(duty: Duty, start: str) -> str:
    """When a duty under the GDPR or the CCPA has to be done, counted from when it began.

    Args:
        duty: gdpr_breach (Article 33), gdpr_request (Article 12), ccpa_request (know, delete, correct) or ccpa_opt_out
        start: When it began: for a breach date and time of becoming aware, 2026-03-02 14:30; else the day of receipt
    """
    began = _moment(start)
    day = began.date()
    if duty == "gdpr_breach":
        lines = [
            f"Notify the supervisory authority by {began + timedelta(hours=72):%A, %d %B %Y, %H:%M} (72 hours after becoming aware, GDPR Article 33(1)); later only with reasons.",
            "Not needed where a risk to people is unlikely. Where the risk is high, tell those concerned without undue delay (Article 34).",
            "Hours run on over weekends and holidays.",
        ]
    elif duty == "gdpr_request":
        lines = [
            f"Answer by {_day(_working_day(months_after(day, 1)))} (one month after receipt, GDPR Article 12(3)).",
            f"With reasons given by then, by {_day(_working_day(months_after(day, 3)))} at the latest (two further months).",
        ]
    elif duty == "ccpa_request":
        lines = [
            f"Confirm receipt by {_day(_business_days_after(day, 10))} (10 business days).",
            f"Answer by {_day(day + timedelta(days=45))} (45 calendar days), with notice by {_day(day + timedelta(days=90))} at the latest.",
        ]
    else:
        lines = [f"Stop selling and sharing by {_day(_business_days_after(day, 15))} at the latest (15 business days)."]
    return bullets([*lines, NO_HOLIDAYS])


def check_processing_agreement(text: str) -> str:
    """Look for what Article 28(3) GDPR wants in a contract with a processor, by the words it is usually put in. English.

    Args:
        text: The contract or the clauses.
    """
    text = require_text(text, "the contract")
    rows = []
    for wanted, words in IN_A_PROCESSING_AGREEMENT:
        found = re.search(words, text, re.IGNORECASE)
        rows.append((wanted, f"“{_around(text, found)}”" if found else "no such words: look by hand"))
    return (
        table(["Article 28(3)", "Found"], rows) + "\n\nWords that are there may still say too little: read each place."
    )


def months_after(day: date, months: int) -> date:
    """The day of the same number; the last of the month where it has none."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _working_day(day: date) -> date:
    """A period of days or months that would end on a weekend ends on the Monday (Regulation 1182/71)."""
    return day + timedelta(days=7 - day.weekday()) if day.weekday() >= SATURDAY else day


def _business_days_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < SATURDAY
    return day


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or not 1990 <= moment.year <= 2200:
        raise InvalidInput("start: write it as 2026-03-02 or 2026-03-02 14:30.")
    return moment


def _day(day: date) -> str:
    return f"{day:%A, %d %B %Y}"


def _around(text: str, found: re.Match[str]) -> str:
    return " ".join(text[max(0, found.start() - 30) : found.end() + 30].split())
