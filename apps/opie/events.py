"""What a run says while it runs: frozen values, numbered from 1 within the run.

The names and the shapes of `data` are the contract of the REST API's server-sent events.
"""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

EventType = Literal[
    "run.started",
    "message.delta",
    "reasoning.delta",
    "tool.started",
    "tool.finished",
    "output.invalid",
    "approval.required",
    "approval.decided",
    "run.retrying",
    "run.finished",
    "run.failed",
    "run.cancelled",
    "run.interrupted",
]
LAST_EVENTS: frozenset[str] = frozenset({"run.finished", "run.failed", "run.cancelled", "run.interrupted"})


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of one run. `data` is JSON; run_id and session_id are added when it is sent."""

    run_id: UUID
    number: int
    type: EventType
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        return self.type in LAST_EVENTS
