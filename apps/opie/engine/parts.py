"""What the engine needs of the rooms above it, supplied by the app when it starts."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agno.db.base import AsyncBaseDb

    from apps.accounts.principal import Principal

# (principal, most messages of history) → Agno's way to rows.
Database = Callable[["Principal", int], "AsyncBaseDb"]

_supplied: dict[str, Database] = {}


def supply_database(database: Database) -> None:
    """Said once at start-up: what agents read their history from and keep their memories in."""
    _supplied["database"] = database


def database_for(principal: "Principal", messages: int) -> "AsyncBaseDb":
    return _supplied["database"](principal, messages)
