"""What visitors are told of answers: words and how it stands. Tools, thoughts, models and what it all cost are not for them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from apps.api.errors import BudgetExceeded, OpieError, Unavailable
from apps.opie.events import LAST_EVENTS, RunEvent
from apps.opie.models import AgentOSMessage
from apps.opie.models.messages import MessageStatus

# Whatever it was: platforms, keys and budgets are the team's.
CANNOT_ANSWER = "There can be no answer just now. Try again in a moment, or ask for a person."
_EVENTS = frozenset({"run.queued", "run.started", "message.delta", "output.invalid", *LAST_EVENTS})
_OF_AN_ANSWER = frozenset(
    {
        "status",
        "content",
        "agent_id",
        "answered_by",
        "run_id",
        "session_id",
        "message_id",
        "for_person",
        "person",
        "error",
    }
)
_OF_THE_LEDGER = frozenset({"calls", "total_tokens", "cost"})


async def events_for_visitor(batches: AsyncIterator[list[RunEvent]]) -> AsyncIterator[list[RunEvent]]:
    """The events of a run without what is not for visitors."""
    async for batch in batches:
        yield [_event(event) for event in batch if event.type in _EVENTS]


def answer_for_visitor(body: dict[str, Any]) -> dict[str, Any]:
    """The same of an answer as JSON."""
    told = {name: body[name] for name in _OF_AN_ANSWER if name in body}
    return told | {"error": {"code": Unavailable.code, "message": CANNOT_ANSWER}} if told.get("error") else told


def error_for_visitor(error: Exception) -> Exception:
    """What a visitor is told of an error: of one that is not theirs to mend, that there is no answer and no more."""
    if not isinstance(error, OpieError) or not (error.http_status >= 500 or isinstance(error, BudgetExceeded)):
        return error
    told = Unavailable(CANNOT_ANSWER, headers=error.headers)
    told.__cause__ = error  # for the log
    return told


def words_for_visitor(message: AgentOSMessage) -> str:
    """What was said; of a run that failed, its error is not. Wants `run` at hand."""
    error = message.run.error_message if message.run and message.status == MessageStatus.FAILED else ""
    return CANNOT_ANSWER if error and message.content.startswith(error) else message.content


def figures_for_visitor(figures: dict[str, Any]) -> dict[str, Any]:
    """A visitor's figures of their conversations without what these cost the team."""
    agents = [{name: of[name] for name in of if name not in _OF_THE_LEDGER} for of in figures["usage_by_agent"]]
    return {**figures, "usage_by_agent": agents}


def _event(event: RunEvent) -> RunEvent:
    if event.is_last:
        return replace(event, data=answer_for_visitor(event.data))
    return replace(event, data={}) if event.type == "run.started" else event
