"""On whose behalf code runs: set once when a run starts, read by metering, limits and tools.

Agno hands tools and models what a model or a caller wrote; who is asking is taken from here instead.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from apps.accounts.principal import Principal


@dataclass(frozen=True, slots=True)
class RunScope:
    """The person and the run that a call to a model or a tool belongs to."""

    principal: Principal
    agent_pk: UUID | None = None
    session_id: UUID | None = None
    run_id: UUID | None = None
    purpose: str = "answer"
    # What the run has read of knowledge bases, by number: tools add to it, and the answer's citations come from it.
    passages: list[dict[str, Any]] = field(default_factory=list, compare=False, repr=False)
    # What a host's code has to say of the answer, kept in its metadata as JSON: who answered, by which way.
    notes: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def for_purpose(self, purpose: str) -> "RunScope":
        return replace(self, purpose=purpose)


class NoRunScope(RuntimeError):  # noqa: N818 - it reads as what happened
    """A model or a tool was called outside a run; nothing may be spent that belongs to nobody."""


current_scope: ContextVar[RunScope | None] = ContextVar("opie_run_scope", default=None)


def require_scope() -> RunScope:
    """The scope of the run under way; raises NoRunScope where there is none."""
    scope = current_scope.get()
    if scope is None:
        raise NoRunScope("This needs a run: start it through AgentOSService or an agent that was built by Opie.")
    return scope
