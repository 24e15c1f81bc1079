"""What a message asks of the customer's own invoices: a call of one of the store's tools, and which of its rows are wanted."""

import re
from dataclasses import dataclass
from typing import Literal

from apps.musicstore.calls import BY_DATE, BY_PRICE, EMPLOYEE, LONGEST_MESSAGE, Call
from apps.musicstore.tools.paging import MOST_ROWS

_FLAGS = re.IGNORECASE
_ONE = r"(?:invoice|order|purchase|payment|bill|receipt|rechnung|bestellung|factura|pedido|compra|facture|commande|achat|fatura)"
_INVOICE_NUMBER = re.compile(
    rf"\b{_ONE}\s*(?:(?:no\.?|nr\.?|number|id|is|#|:)\s*){{0,3}}(?<![\w.])([0-9]{{1,9}})(?![\w@]|[.,/-][0-9])", _FLAGS
)
_ABOUT_PEOPLE = re.compile(
    r"\b(?:who|whom|employees?|rep|representative|staff|agent|salesperson|contact|wer|qui[ée]n|qui|quem)\b|\bsupport\b",
    _FLAGS,
)
_ABOUT_PRICES = re.compile(
    r"\b(?:unit\s+prices?|prices?|pric(?:ey|iest)|expensive|dear(?:est)?|cheap(?:est)?|cost(?:s|ly|liest)?|teuer(?:ste[ns]?)?"
    r"|caro|cara|m[áa]s\s+caro|ch[eè]re?)\b",
    _FLAGS,
)
_LAST = r"(?:last|latest|newest|most\s+recent|letzte[nrs]?|neueste[nrs]?|[úu]ltim[oa]|derni[eè]re?)"
_THE_NEWEST = re.compile(
    rf"\b{_LAST}\s+{_ONE}(?!\w)|\b(?:buy|bought|pay|paid|spend|spent|order|ordered)\b.{{0,20}}?\blast(?:\s+time)?(?:\s*[.?!,;]|$)"
    r"|\blast\s+(?:thing|time)\b|\bletztes\s+mal\b|\b[úu]ltima\s+vez\b|\bderni[eè]re\s+fois\b",
    _FLAGS,
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}

Which = Literal["number", "year", "first", "largest", "last_but_one", "newest", "sum", "count"]
_WORDS_FOR: tuple[tuple[Which, str], ...] = (
    (
        "last_but_one",
        r"\b(?:second(?:\s+|-)(?:to(?:\s+|-))?last|last\s+but\s+one|pen[úu]ltim[oa]|vorletzte[nrs]?)\b",
    ),
    ("newest", rf"\blast\s+(?P<value>[2-9]|10|{'|'.join(_NUMBERS)})\s+{_ONE}s\b"),
    ("year", r"\b(?:in|from|of|during|aus|von|de|en|em)\s+(?P<value>(?:19|20)[0-9]{2})(?![\w/.-])"),
    ("sum", r"\b(?:total|sum|in\s+all|altogether|overall)\b|\bhow\s+much\s+(?:have|did)\s+i\s+spen[dt]\b"),
    ("count", r"\bhow\s+many\b|\bwie\s*viele\b|\bcu[áa]nt[oa]s\b|\bcombien\s+de\b|\bquant[oa]s\b"),
    ("first", r"\b(?:(?:very\s+)?first|oldest|earliest|erste[nrs]?|primer[oa]?|premi[eè]re?|primeir[oa])\b"),
    ("largest", r"\b(?:biggest|largest|highest|gr[öo](?:ß|ss)te[nrs]?|mayor|plus\s+grande?|maior)\b"),
)
_WHICH = tuple((which, re.compile(pattern, _FLAGS)) for which, pattern in _WORDS_FOR)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the customer's invoices: `value` is a number of an invoice, a year, or how many of the newest."""

    which: Which
    value: int = 0


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


def wanted_invoices(message: str) -> Wanted | None:
    """Which of the invoices are meant, where it is neither all nor the newest."""
    number = invoice_number(message)
    if number is not None:
        return Wanted("number", number)
    for which, pattern in _WHICH:
        if found := pattern.search(message[:LONGEST_MESSAGE]):
            value = found.groupdict().get("value") or "0"
            return Wanted(which, _NUMBERS.get(value.lower()) or int(value))
    return None
