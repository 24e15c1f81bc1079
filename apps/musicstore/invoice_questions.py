"""What a message asks of the customer's own invoices: a call of one of the store's tools, and which of its rows are wanted."""

import re
from dataclasses import dataclass
from typing import Literal

from apps.musicstore.calls import BY_DATE, BY_PRICE, EMPLOYEE, LONGEST_MESSAGE, Call
from apps.musicstore.tools.paging import MOST_ROWS

_FLAGS = re.IGNORECASE
_ONE = r"(?:invoice|order|purchase|payment|bill|receipt|rechnung|bestellung|factura|pedido|compra|facture|commande|achat|fatura|einkauf)"
_INVOICE_NUMBER = re.compile(
    rf"\b{_ONE}\s*(?:(?:no\.?|nr\.?|number|id|is|#|:)\s*){{0,3}}(?<![\w.])([0-9]{{1,9}})(?![\w@]|[.,/-][0-9])", _FLAGS
)
_ABOUT_PEOPLE = re.compile(
    r"\b(?:who|whom|employees?|rep|representative|staff|agent|salesperson|contact|wer|qui[ée]n|qui|quem)\b|\bsupport\b",
    _FLAGS,
)
_ABOUT_PRICES = re.compile(
    r"\b(?:unit\s+prices?|prices?|pric(?:ey|iest)|expensive|dear(?:est)?|cheap(?:est)?|cost(?:s|ly|liest)?|teuer(?:ste[ns]?)?"
    r"|caro|cara|m[áa]s\s+caro|ch[eè]re?|g[üu]nstigste\w*|billigste\w*|barat[oa]s?)\b",
    _FLAGS,
)
_LAST = r"(?:last|latest|newest|most\s+recent|letzte[mnrs]?|neueste[mnrs]?|[úu]ltim[oa]|derni[eè]re?)"
_THE_NEWEST = re.compile(
    rf"\b{_LAST}\s+{_ONE}(?!\w)|\b(?:buy|bought|pay|paid|spend|spent|order|ordered)\b.{{0,20}}?\blast(?:\s+time)?(?:\s*[.?!,;]|$)"
    r"|\blast\s+(?:thing|time|buy)\b|\b(?:letztes\s+mal|zuletzt)\b|\b(?:[úu]ltima\s+vez|(?:lo|por)\s+[úu]ltimo)\b|\b(?:derni[eè]re\s+fois|en\s+dernier)\b",
    _FLAGS,
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}

Which = Literal["number", "year", "first", "largest", "last_but_one", "newest", "sum", "count", "when", "before"]
_WORDS_FOR: tuple[tuple[Which, str], ...] = (
    (
        "last_but_one",
        r"\b(?:second(?:\s+|-)(?:to(?:\s+|-))?last|last\s+but\s+one|pen[úu]ltim[oa]|vorletzte[mnrs]?|avant[\s-]derni[eè]re?)\b"
        r"|\bbefore\s+(?:my|the)\s+last\b",
    ),
    (
        "when",
        r"\bwhen\b.{0,40}\blast\b|\bwann\b.{0,40}\b(?:zuletzt|letzte\w?)\b|\bcu[áa]ndo\b.{0,40}\b[úu]ltim[oa]\b"
        r"|\bquand\b.{0,60}\b(?:derni[eè]re?)\b|\bquando\b.{0,40}\b[úu]ltim[oa]\b|\bhow\s+long\s+ago\b",
    ),
    ("newest", rf"\blast\s+(?P<value>[2-9]|10|{'|'.join(_NUMBERS)})\s+{_ONE}s\b"),
    ("count", r"\bhow\s+many\b|\bwie\s*viele\b|\bcu[áa]nt[oa]s\b|\bcombien\s+de\b|\bquant[oa]s\b"),
    (
        "sum",
        r"\b(?:total|sum|in\s+all|altogether|overall|insgesamt|en\s+total|en\s+tout|ao\s+todo|no\s+total)\b"
        r"|\bhow\s+much\b.{0,30}\b(?:spen[dt]|paid|pay)\b|\bwie\s*viel\b.{0,40}\b(?:ausgegeben|bezahlt|gezahlt)\b"
        r"|\bcu[áa]nto\b.{0,30}\b(?:gast|pagu)\w+|\bcombien\b.{0,30}\b(?:d[ée]pens|pay)\w+|\bquanto\b.{0,30}\b(?:gast|pagu)\w+",
    ),
    ("first", r"\b(?:(?:very\s+)?first|oldest|earliest|erste[mnrs]?|primer[oa]?|premi[eè]re?|primeir[oa])\b"),
    (
        "largest",
        r"\b(?:biggest|largest|highest|gr[öo](?:ß|ss)te[mnrs]?|mayor|plus\s+grande?|plus\s+[ée]lev[ée]e?|maior)\b",
    ),
)
_WHICH = tuple((which, re.compile(pattern, _FLAGS)) for which, pattern in _WORDS_FOR)
_YEAR = re.compile(
    r"(?<![\w.,/#$€-])(?<!customer )(?<!kunde )(?<!client )(?<!cliente )(?<!number )(?<!nummer )((?:19|20)[0-9]{2})(?![\w€$]|\s*[€$]|[.,/-][0-9])",
    _FLAGS,
)
_CHEAP = re.compile(
    r"\b(?:cheap(?:est)?|billigste\w*|g[üu]nstigste\w*|m[áa]s\s+barat[oa]s?|moins\s+ch[eè]re?s?|mais\s+barat[oa]s?)\b",
    _FLAGS,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the customer's invoices: `value` is a number of an invoice, or how many of the newest; of a `year`, if it is one."""

    which: Which
    value: int = 0
    year: int = 0


def invoice_call(message: str) -> Call:
    """What the message asks of the customer's own invoices: all of them by date, when it says nothing nearer."""
    message = message[:LONGEST_MESSAGE]
    number = invoice_number(message)
    if _ABOUT_PEOPLE.search(message):
        return Call(EMPLOYEE, {} if number is None else {"invoice_id": number})
    is_newest = _THE_NEWEST.search(message) is not None
    if _ABOUT_PRICES.search(message) and not (is_newest and re.search(r"\bcosts?\b", message, _FLAGS)):
        return Call(BY_PRICE)
    if number is not None:
        return Call(BY_DATE, {"page_size": MOST_ROWS})
    return Call(BY_DATE, {"page_size": 1} if is_newest else {})


def invoice_number(message: str) -> int | None:
    found = _INVOICE_NUMBER.search(message[:LONGEST_MESSAGE])
    return int(found[1]) if found else None


def wants_cheapest(message: str) -> bool:
    return _CHEAP.search(message[:LONGEST_MESSAGE]) is not None


def wanted_invoices(message: str) -> Wanted | None:
    """Which of the invoices are meant, where it is neither all nor the newest."""
    message = message[:LONGEST_MESSAGE]
    number = invoice_number(message)
    found_year = _YEAR.search(message)
    year = int(found_year[1]) if found_year else 0
    if number is not None and number != year:
        return Wanted("number", number)
    is_newest = _THE_NEWEST.search(message) is not None
    for which, pattern in _WHICH:
        found = pattern.search(message)
        if found and not (which == "sum" and is_newest):
            value = found.groupdict().get("value") or "0"
            return Wanted(which, _NUMBERS.get(value.lower()) or int(value), year)
    return Wanted("year", year=year) if year else None
