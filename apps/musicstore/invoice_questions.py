"""What a message asks of the customer's own invoices: a call of one of the store's tools, by patterns."""

import re

from apps.musicstore.calls import BY_DATE, BY_PRICE, EMPLOYEE, LONGEST_MESSAGE, Call
from apps.musicstore.tools.paging import MOST_ROWS

_INVOICE_NUMBER = re.compile(
    r"\b(?:invoice|order|purchase|bill|receipt)\s*(?:(?:no\.?|nr\.?|number|id|is|#|:)\s*){0,3}(?<![\w.])([0-9]{1,9})(?![\w@]|[.,/-][0-9])",
    re.IGNORECASE,
)
_ABOUT_PEOPLE = re.compile(
    r"\b(?:who|whom|employees?|rep|representative|staff|agent|salesperson|contact)\b|\bsupport\b", re.IGNORECASE
)
_ABOUT_PRICES = re.compile(
    r"\b(?:unit\s+prices?|prices?|pric(?:ey|iest)|expensive|dear(?:est)?|cheap(?:est)?|cost(?:s|ly|liest)?)\b",
    re.IGNORECASE,
)
_THE_NEWEST = re.compile(
    r"\b(?:last|latest|newest|most\s+recent)\s+(?:invoice|order|purchase|payment|bill)(?!\w)", re.IGNORECASE
)


def invoice_call(message: str) -> Call:
    """What the message asks of the customer's own invoices: all of them by date, when it says nothing nearer."""
    message = message[:LONGEST_MESSAGE]
    number = invoice_number(message)
    if _ABOUT_PEOPLE.search(message):
        return Call(EMPLOYEE, {} if number is None else {"invoice_id": number})
    if _ABOUT_PRICES.search(message):
        return Call(BY_PRICE)
    if number is not None:
        return Call(BY_DATE, {"page_size": MOST_ROWS})
    return Call(BY_DATE, {"page_size": 1} if _THE_NEWEST.search(message) else {})


def invoice_number(message: str) -> int | None:
    found = _INVOICE_NUMBER.search(message[:LONGEST_MESSAGE])
    return int(found[1]) if found else None
