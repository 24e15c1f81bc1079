"""Letting a call in and settling it, each in one statement: functions of the database, called from here.

Locks are always taken in the same order, before and after a call: the call's own row, the budgets by id, the periods of
those budgets, the counters of limits in the order in which they are given.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.api.statements import prepared_cursor


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a call was not let in: a `budget` without room, with what is `spent` and `reserved` of it; or the counter at
    one `place` of those asked, with the counts of its `slots` by key."""

    budget: dict[str, Any] | None = None
    counter: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether this closed the call, and the periods of budgets of which somebody should be told."""

    closed: bool
    to_warn: list[int]


def admit(**asked: Any) -> Refused | None:
    """Write a `call` down, `hold` money for it and take its `counters`: all that is given, or nothing of it.

    Makes no transaction of its own beyond the statement. Answers None when it is done, else why it is not.
    """
    with prepared_cursor() as cursor:
        cursor.execute("SELECT opie_admit(%s)", [_json(asked)])
        (answer,) = cursor.fetchone()
    return None if answer is None else Refused(**json.loads(answer, parse_float=Decimal))


def settle(**asked: Any) -> Settled:
    """Close a `call`, end what was held for it (`hold`), and correct its `counters` if this closed it: what is given."""
    with prepared_cursor() as cursor:
        cursor.execute("SELECT * FROM opie_settle(%s)", [_json(asked)])
        closed, to_warn = cursor.fetchone()
    return Settled(bool(closed), to_warn)


def count(counters: list[dict[str, Any]]) -> None:
    """Add to counters, whatever their limits say."""
    with prepared_cursor() as cursor:
        cursor.execute("SELECT opie_count(%s)", [_json(counters)])


def _json(asked: Any) -> str:
    """Ids, moments and sums are text in it: no digit of a Decimal is lost."""
    return json.dumps(asked, default=str)
