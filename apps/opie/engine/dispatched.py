"""That the dispatcher chose who answers a run: kept with the run, and told with its first event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Who was chosen, and why in a sentence; `decision_id` names the choice with all its scores, and is None where nobody
    had to choose: the message answers what this agent asked. `agent_of_session` is
    whose session it stays, where that is another's: the key of the agent that passed the message on."""

    agent_id: str
    agent_name: str
    why: str
    decision_id: str | None
    agent_of_session: UUID | None = None

    def as_json(self) -> dict[str, str | None]:
        return {
            "agent_id": self.agent_id,
            "agent_name": self.agent_name,
            "why": self.why,
            "decision_id": self.decision_id,
        }

    @classmethod
    def of_run_input(cls, kept: Mapping[str, Any] | None) -> Self | None:
        """From what is kept with a run; None where nobody had to choose."""
        found = (kept or {}).get("dispatched")
        return cls(**found) if found else None
