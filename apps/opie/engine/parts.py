"""What the engine needs of the rooms above it, supplied by the app when it starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from agno.db.base import AsyncBaseDb

    from apps.accounts.principal import Principal
    from apps.opie.engine.recorded import RecordedAgent, RecordedTeam
    from apps.opie.models import Agent

# (principal, most messages of history) → Agno's way to rows.
Database = Callable[["Principal", int], "AsyncBaseDb"]
# (agent, principal, session) → the agent as the host builds it.
Build = Callable[["Agent", "Principal", UUID | None], "RecordedAgent | RecordedTeam"]


@dataclass
class _Supplied:
    database: Database | None = None
    build: Build | None = None


_supplied = _Supplied()


def supply(database: Database, build: Build) -> None:
    """Said once at start-up: what agents read their history from and keep their memories in, and what builds them."""
    _supplied.database, _supplied.build = database, build


def database_for(principal: "Principal", messages: int) -> "AsyncBaseDb":
    assert _supplied.database is not None, "the app has not started"  # noqa: S101
    return _supplied.database(principal, messages)


def build(agent: "Agent", principal: "Principal", session_id: UUID | None) -> "RecordedAgent | RecordedTeam":
    """The agent for this person, as the host has it built. Raises as `builder.build` does."""
    assert _supplied.build is not None, "the app has not started"  # noqa: S101
    return _supplied.build(agent, principal, session_id)
