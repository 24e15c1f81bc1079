"""Choosing an agent for a task: who fits, who of them has proved itself, and why; written down with its scores."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, Unavailable
from apps.opie import rows
from apps.opie.engine.asking import checked_message, require_may_run
from apps.opie.engine.dispatched import Dispatched
from apps.opie.engine.dispatcher.likeness import vector_of
from apps.opie.engine.dispatcher.matching import Match, candidates
from apps.opie.engine.dispatcher.roster import Roster, roster_for
from apps.opie.engine.dispatcher.scoring import Candidate, Standing, scored
from apps.opie.metrics.agents import agent_figures, figures_of_everybody
from apps.opie.models import DispatchDecision

T = TypeVar("T")
logger = logging.getLogger(__name__)

MOST_CANDIDATES_KEPT = 20
MOST_CAPABILITIES = 20
MOST_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """What the dispatcher makes of a task. Without an agent nobody fits, and `nearest` are those who come nearest."""

    task: str
    candidates: list[Candidate]
    nearest: list[Match]
    with_vectors: bool
    decision_id: UUID | None = None
    names: dict[str, str] = field(default_factory=dict)

    @property
    def agent_id(self) -> str | None:
        return self.candidates[0].agent_id if self.candidates else None

    @property
    def dispatched(self) -> Dispatched:
        """What a run is to know of it. Raises as `require_agent`."""
        agent_id = self.require_agent()
        return Dispatched(agent_id, self.names.get(agent_id, agent_id), self.why, str(self.decision_id))

    @property
    def why(self) -> str:
        """The choice in a sentence."""
        if not self.candidates:
            return "No agent here fits that task."
        best = self.candidates[0]
        words = ", ".join(f"“{word}”" for word in best.match.words[:3])
        fits = f"fits for {words}" if words else "is asked things like this"
        others = len(self.candidates) - 1
        return f"{self.names.get(best.agent_id, best.agent_id)} {fits}" + (
            f", and scores highest of {others + 1} ({best.score:.2f})." if others else "."
        )

    def as_json(self) -> dict[str, Any]:
        """The shape of the REST contract; where nobody fits, `agent_id` is null and the nearest are offered."""
        return {
            "agent_id": self.agent_id,
            "score": self.candidates[0].score if self.candidates else None,
            "candidates": [one.as_json() for one in self.candidates],
            "nearest": [{"agent_id": one.agent_id, "fit": one.fit} for one in self.nearest],
            "why": self.why,
            "decision_id": str(self.decision_id) if self.decision_id else None,
            "with_vectors": self.with_vectors,
        }

    def require_agent(self) -> str:
        """The chosen agent's id. Raises Conflict, with the nearest, where nobody fits."""
        if self.agent_id is not None:
            return self.agent_id
        nearest = ", ".join(one.agent_id for one in self.nearest)
        offered = f"The nearest: {nearest}. Choose one of them, or say" if nearest else "Choose one yourself, or say"
        raise Conflict(
            f"No agent fits that task. {offered} more of what you need.",
            code="no_agent_fits",
        )


async def select(
    principal: Principal | None, task: str, *, capabilities: Sequence[str] = (), with_vectors: bool = True
) -> Selection:
    """The agent for a task, of those that this person may talk to, and of those only who have all `capabilities`. The
    same data give the same choice. Raises NotAllowed, InvalidInput."""
    if principal is not None:
        require_may_run(principal)
    task = checked_message(task, "task_description")
    # The task becomes a vector in a thread of its own, while rows are read.
    roster, vector = await asyncio.gather(
        rows.run(roster_for, principal, _checked(capabilities)),
        _unless_broken(vector_of(task) if with_vectors else None),
    )
    likeness = None if vector is None else await _unless_broken(roster.examples.likeness_to(vector))
    found = roster.index.matches(task, likeness)
    fitting = candidates(found, with_vectors=likeness is not None)
    if capabilities and not fitting:
        fitting = found  # who has what was asked for by its code can do it, whatever the words
    return await rows.run(_decide, principal, task, roster, found, fitting, likeness is not None)


def _checked(capabilities: Sequence[str]) -> tuple[str, ...]:
    if len(capabilities) > MOST_CAPABILITIES:
        raise InvalidInput(fields={"capabilities": [f"At most {MOST_CAPABILITIES}."]})
    if any("\x00" in code for code in capabilities):
        raise InvalidInput(fields={"capabilities": ["It contains a NUL character."]})
    return tuple(sorted(set(capabilities)))


async def _unless_broken(reading: Awaitable[T | None] | None) -> T | None:
    if reading is None:
        return None
    try:
        return await reading
    except Unavailable:
        # Words alone choose less well, and are better than no answer.
        logger.exception("The local embedding model cannot be loaded; agents are chosen by words alone.")
        return None


def _decide(
    principal: Principal | None,
    task: str,
    roster: Roster,
    found: Sequence[Match],
    fitting: Sequence[Match],
    with_vectors: bool,
) -> Selection:
    wanted = [roster.members[match.agent_id] for match in fitting]
    keys = [member.pk for member in wanted]
    figures = figures_of_everybody(keys) if principal is None else agent_figures(keys, principal.team_id)
    chosen = scored(fitting, {one.agent_id: Standing(figures[one.pk], one.priority) for one in wanted})
    nearest = [match for match in found[:MOST_NEAREST] if match.fit > 0] if not chosen else []
    best = chosen[0] if chosen else None
    decision = DispatchDecision.objects.create(
        user_id=None if principal is None else principal.user_id,
        team_id=None if principal is None else principal.acting_team,
        task=task,
        agent_id=roster.members[best.agent_id].pk if best else None,
        chosen=best.agent_id if best else "",
        score=best.score if best else None,
        fit=best.match.fit if best else max((match.fit for match in found[:1]), default=0.0),
        candidates=[one.as_json() for one in chosen[:MOST_CANDIDATES_KEPT]],
        with_vectors=with_vectors,
    )
    names = {one.agent_id: roster.members[one.agent_id].name for one in chosen[:1]}
    return Selection(task, chosen, nearest, with_vectors, decision.pk, names)
