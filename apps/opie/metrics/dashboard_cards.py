"""Cards on the start page that hosts add: a few figures of their own beside what Opie shows.

A card is asked for with each page, so it has two seconds of the database, and one that fails is left out and logged: the
page is there whatever a host's code does.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.opie.registering import problem_of_function

logger = logging.getLogger(__name__)

LONGEST_MILLISECONDS = 2000
MOST_ROWS = 8


@dataclass(frozen=True, slots=True)
class DashboardCard:
    """What a card says: one figure, or rows of a label and a text, or both. `link` is an address of this site."""

    title: str
    value: str = ""
    note: str = ""
    rows: Sequence[tuple[str, str]] = ()
    link: str = ""
    link_label: str = ""

    @property
    def shown_rows(self) -> Sequence[tuple[str, str]]:
        return self.rows[:MOST_ROWS]

    @property
    def shown_link(self) -> str:
        """Nothing for an address elsewhere, or for a script in an address's clothes."""
        return self.link if self.link.startswith("/") and not self.link.startswith(("//", "/\\")) else ""


CardFor = Callable[[Principal], DashboardCard | None]


@dataclass(frozen=True, slots=True)
class RegisteredCard:
    """As a host registered it."""

    name: str
    card_for: CardFor
    permission: Permission | None


CARDS: list[RegisteredCard] = []


def register_dashboard_card(name: str, card_for: CardFor, *, permission: Permission | None = None) -> None:
    """Have `card_for(principal)` show a card to whoever has the permission; None shows nothing. Cards stand in the order in
    which they were registered. A name that is taken, or what cannot be called, is said by `manage.py check` (opie.E009)."""
    CARDS.append(RegisteredCard(name, card_for, permission))


def cards_for(principal: Principal) -> list[DashboardCard]:
    """The cards that this person sees."""
    may_see = [one for one in CARDS if one.permission is None or principal.may(one.permission)]
    return [card for one in may_see if (card := _card(one, principal)) is not None]


def problems_of_cards() -> list[str]:
    """What was registered wrongly, in words."""
    names = [one.name for one in CARDS]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"Two cards of the dashboard are called {name}." for name in twice] + [
        f"The dashboard's card {one.name} {problem}." for one in CARDS for problem in _problems_of(one)
    ]


def _problems_of(one: RegisteredCard) -> Iterator[str]:
    if problem := problem_of_function(one.card_for, "principal"):
        yield problem
    permission: Any = one.permission
    if permission is not None and not isinstance(permission, Permission):
        yield f"has a permission that is none: say Permission.VIEW_METRICS or another, not {permission!r}"


def _card(registered: RegisteredCard, principal: Principal) -> DashboardCard | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(LONGEST_MILLISECONDS)])
            return registered.card_for(principal)
    except Exception:  # whatever a host's code raises, the page goes on without its card
        logger.exception("The dashboard's card %s failed.", registered.name)
        return None
