"""How a run ended, from what was seen of it. Reads and writes nothing."""

from agno.exceptions import redact_secrets

from apps.api.errors import OPIE_ERROR, OpieError
from apps.opie.engine import transcript
from apps.opie.engine.observer import Failure, Observation
from apps.opie.engine.settling import INTERRUPTED, Ending
from apps.opie.knowledge.citing import cited
from apps.opie.metrics.errors import RunError
from apps.opie.models import AgentOSMessage
from apps.opie.models.messages import NOTES
from apps.opie.models.runs import RunStatus
from apps.opie.storable import clean_json

PLATFORM_INTERRUPTED = "platform_interrupted"
GENERIC = RunError(
    "run_failed", "The agent could not answer because something went wrong on our side. Try again.", "agent"
)


def status_of(failure: Failure | None) -> RunStatus:
    """How a run ended that came to its end by itself."""
    if failure is None:
        return RunStatus.COMPLETED
    # What had come before the platform broke off is an answer, if only part of one.
    return RunStatus.INTERRUPTED if failure.code == OPIE_ERROR + PLATFORM_INTERRUPTED else RunStatus.FAILED


def failure_of(error: Exception) -> Failure:
    """An exception as the failure of a run: our own errors speak for themselves, others are for operators."""
    if isinstance(error, OpieError):
        return Failure(error.type, error.message)
    return Failure(type(error).__name__, "")


def ending_of(status: RunStatus, seen: Observation, causes: str = "") -> Ending:
    """What is stored of a run that ended like this. `causes` is what operators should know of a failure."""
    rows = _rows_for(status, seen)
    answer = next((row for row in rows if row.is_answer), None)
    if answer is not None and seen.shaped:
        answer.metadata["shaped"] = seen.shaped
    if answer is not None and seen.notes:
        answer.metadata[NOTES] = clean_json(seen.notes)
    return Ending(
        status=status,
        rows=rows,
        error=_error_of(status, seen, causes),
        duration_ms=seen.duration_ms(),
        time_to_first_token_ms=seen.time_to_first_token_ms,
        tool_ms=seen.tool_ms,
        citations=[*cited(seen.passages, seen.text), *seen.citations],
        tool_errors=_tool_errors_of(seen),
    )


def _rows_for(status: RunStatus, seen: Observation) -> list[AgentOSMessage]:
    if status is RunStatus.COMPLETED and seen.messages is not None:
        found = transcript.rows_of(seen.messages)
        for row in found:
            if row.tool_call_id in seen.tool_calls:
                row.tool_duration_ms = seen.tool_calls[row.tool_call_id].duration_ms
        if any(row.is_answer for row in found):
            return found
    return transcript.rows_of_observation(seen)


def _error_of(status: RunStatus, seen: Observation, causes: str) -> RunError | None:
    if status is RunStatus.INTERRUPTED and seen.failure is None:
        return INTERRUPTED
    if status not in (RunStatus.FAILED, RunStatus.INTERRUPTED) or seen.failure is None:
        return None
    if seen.failure.code.startswith(OPIE_ERROR):
        return RunError(seen.failure.code.removeprefix(OPIE_ERROR), seen.failure.text, "model", causes)
    detail = redact_secrets(f"{seen.failure.code}: {seen.failure.text}")
    return RunError(GENERIC.code, GENERIC.message, GENERIC.place, detail)


def _tool_errors_of(seen: Observation) -> list[RunError]:
    return [
        RunError("tool_failed", f"The tool {call.name} failed.", call.name, redact_secrets(call.result))
        for call in seen.tool_calls.values()
        if call.failed and not call.refused
    ]
