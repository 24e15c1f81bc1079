"""Recognise a customer by what they say of themselves: an id, an e-mail address, a telephone number, in ordinary sentences.

Whoever is in doubt is nobody: two claims that lead to two customers, a claim that leads to none, a number that may be
something else. Invoice 98 is not customer 98. Recognising says who is meant, not that it is true: that is for the caller.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import Q
from django.db.models.functions import Lower

from apps.musicstore.customer_numbers import numbers_in, told
from apps.musicstore.models import Customer
from apps.musicstore.phones import is_same_number, possible_nationals

Kind = Literal["id", "email", "phone"]
Outcome = Literal["recognised", "nothing_said", "unknown", "ambiguous"]

LONGEST_TEXT = 5_000
# More of them is a list to try out, and nobody's own data.
MOST_CLAIMS = 5

_FLAGS = re.IGNORECASE
# "６" and "＠": as wide as a letter of Chinese or Japanese, and otherwise the same. Not "²", which is another number.
_FULL_WIDTH = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0x3000: " "}
_EMAIL = re.compile(
    r"(?<![\w.+%-])(?<![\w.+%-]')[\w+%-][\w.+%'-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?![\w@-])", _FLAGS
)
_BETWEEN_DIGITS = r"[ ()./\u00a0\u2009\u202f\u2010-\u2013-]{0,3}"
_PHONE = re.compile(
    rf"(?<![\w@#+])(?<![0-9][./,-])\+?\(?[0-9](?:{_BETWEEN_DIGITS}[0-9]){{6,17}}(?![\w@]|{_BETWEEN_DIGITS}[0-9])",
    _FLAGS,
)
_SAID_TO_BE_A_PHONE = re.compile(
    r"\b(?:(?:tele)?phone|tel|mobile|cell|call|reach|ring|telefon\w*|handy|tel[ée]fono|m[óo]vil|celular|t[ée]l[ée]phone|portable|telefone)\b[^0-9+]{0,25}$",
    _FLAGS,
)
_THING = "invoice|order|purchase|payment|bill|receipt|transaction|track|song|album|artist|playlist|employee|ticket|item"
_THING += "|rechnung|bestellung|factura|pedido|compra|facture|commande|fatura"
# Right before the number: a comma or a full stop between them begins something else.
_OF_A_THING = re.compile(rf"\b(?:{_THING})s?[\s#:=-]*(?:(?:no|nr|number|id|is)\b[\s.#:=-]*){{0,3}}$", _FLAGS)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something said that could tell who is speaking. One that is not `sure` may be another number altogether."""

    kind: Kind
    text: str
    sure: bool = True

    def fits(self, customer: Customer) -> bool:
        match self.kind:
            case "id":
                return customer.pk == int(self.text)
            case "email":
                return _lowered(customer.email) == _lowered(self.text)
            case "phone":
                return is_same_number(self.text, customer.phone)


@dataclass(frozen=True, slots=True)
class Recognised:
    """The one customer whom everything said fits, or nobody; and what was seen."""

    customer: Customer | None
    claims: Sequence[Claim]
    outcome: Outcome


def recognise(text: str, *, asked: bool = False) -> Recognised:
    """Who is speaking, in one statement. With `asked`, the person was just asked for an id: a number alone is one."""
    claims = claims_in(text, asked=asked)
    if not claims:
        return Recognised(None, (), "nothing_said")
    if len(claims) > MOST_CLAIMS:
        return Recognised(None, claims, "ambiguous")
    customers = _candidates(claims)
    fitting = {claim: {customer for customer in customers if claim.fits(customer)} for claim in claims}
    fitting = {claim: found for claim, found in fitting.items() if found or claim.sure}
    seen = tuple(fitting)
    if not seen:
        return Recognised(None, (), "nothing_said")
    everybody = set.intersection(*fitting.values())
    if len(everybody) == 1:
        return Recognised(everybody.pop(), seen, "recognised")
    return Recognised(None, seen, "ambiguous" if any(fitting.values()) else "unknown")


def claims_in(text: str, *, asked: bool = False) -> tuple[Claim, ...]:
    """What is said in the text, each once. Pure: it asks no rows."""
    text = unicodedata.normalize("NFC", text[:LONGEST_TEXT]).translate(_FULL_WIDTH)
    claims = [Claim("email", found[0]) for found in told(_EMAIL, text)]
    # An address may have digits in it, which are not the telephone's nor an id.
    text = _EMAIL.sub(lambda found: " @ ".ljust(len(found[0]))[: len(found[0])], text)
    claims += _phones(text)
    claims += [Claim("id", str(int(number))) for number in numbers_in(text, asked=asked)]
    return tuple(dict.fromkeys(claims))


def _phones(text: str) -> Iterator[Claim]:
    for found in told(_PHONE, text):
        before = text[max(0, found.start() - 40) : found.start()]
        is_written_as_one = found[0].startswith(("+", "("))
        if is_written_as_one or not _OF_A_THING.search(before):
            sure = is_written_as_one or _SAID_TO_BE_A_PHONE.search(before) is not None
            yield Claim("phone", found[0], sure)


def _candidates(claims: Sequence[Claim]) -> list[Customer]:
    said: dict[Kind, list[str]] = {"id": [], "email": [], "phone": []}
    for claim in claims:
        said[claim.kind].append(claim.text)
    nationals = {national for phone in said["phone"] for national in possible_nationals(phone)}
    emails = [_lowered(email) for email in said["email"]]
    anyone = Q(pk__in=[int(number) for number in said["id"]]) | Q(lowered__in=emails) | Q(national_phone__in=nationals)
    return list(Customer.objects.alias(lowered=Lower("email")).filter(anyone).order_by("id"))


def _lowered(email: str) -> str:
    return unicodedata.normalize("NFC", email).lower()
