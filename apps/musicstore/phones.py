"""Telephone numbers that are written in many ways: "+1 (204) 452-6452", "12044526452", "204-452-6452"."""

import re
from collections.abc import Iterator

from django.db.models import F, Func, Value
from django.db.models.expressions import Expression

SHORTEST, LONGEST = 7, 15
# What stands before the number that is dialled at home: the country's code, where it can be told from what follows, and
# zeros. The same in Python and in PostgreSQL.
_BEFORE = r"^[^0-9+]*(\+1(?=[0-9]{10}$)|\+[0-9]{1,3}(?=[^0-9]))?[^0-9]*0*"
_CALLING_ABROAD = ("", "00", "011")


def national_column(name: str) -> Expression:
    """The digits of a column's number as dialled within its country, without the zero in front."""
    rest = Func(F(name), Value(_BEFORE), Value(""), function="regexp_replace")
    return Func(rest, Value("[^0-9]"), Value(""), Value("g"), function="regexp_replace")


def digits_of(phone: str) -> str:
    return re.sub(r"[^0-9]", "", phone)


def national(phone: str) -> str:
    """What `national_column` holds for this number."""
    return digits_of(re.sub(_BEFORE, "", phone, count=1))


def possible_nationals(typed: str) -> Iterator[str]:
    """Every national number that these digits could end in."""
    digits = digits_of(typed)
    if len(digits) <= LONGEST + 3:
        yield from (digits[start:] for start in range(len(digits) - SHORTEST + 1))


def is_same_number(typed: str, stored: str) -> bool:
    """Whether the digits typed reach the stored number, from its own country or from abroad."""
    digits, at_home = digits_of(typed), national(stored)
    if len(at_home) < SHORTEST or not digits.endswith(at_home):
        return False
    found = re.match(_BEFORE, stored)
    country = digits_of(found[1] or "") if found else ""
    before = {"", "0"}
    if country:
        before |= {abroad + country + zero for abroad in _CALLING_ABROAD for zero in ("", "0")}
    return digits[: -len(at_home)] in before
