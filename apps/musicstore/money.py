"""Amounts of money as the store says them: never without their currency, and never as a float."""

from decimal import Decimal

from django.conf import settings

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "BRL": "R$"}


def with_currency(amount: Decimal) -> str:
    """ "0.99 USD", as the tools tell a model, which writes it as its reader's language does."""
    return f"{amount:.2f} {settings.MUSICSTORE_CURRENCY}"


def amount_of(told: str) -> Decimal:
    """The amount in what `with_currency` told."""
    return Decimal(told.split()[0])


def as_people_write(told: str, language: str = "en") -> str:
    """ "0.99 USD" as "$0.99", or as "0,99 $"; a currency without a sign of its own by its code."""
    number, currency = told.split()
    sign = _SIGNS.get(currency, currency)
    match language:
        case "en":
            return f"{sign}{number}" if currency in _SIGNS else told
        case "pt":
            return f"{'US$' if currency == 'USD' else sign} {number.replace('.', ',')}"
    return f"{number.replace('.', ',')} {sign}"
