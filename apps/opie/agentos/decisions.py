"""The yes and the no in what a client of AgentOS sends to continue a run: read from what Agno's clients send, and of
that nothing but whether a call is allowed, and why not.

Agno's client sends the calls of a run back whole, with `confirmed` filled in. What is said of them beyond that (the
tool's name, its arguments) has to be what the rows say; anything that would set something else is refused.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput
from apps.opie.engine import approvals
from apps.opie.engine.approvals import CallDecision
from apps.opie.models import AgentOSApproval

MOST_CALLS = 100
_READ = frozenset({"tool_call_id", "tool_name", "tool_args", "confirmed", "confirmation_note"})
# Said by Agno's client whatever happens; they change nothing here.
_PASSED_OVER = frozenset({"created_at", "metrics", "requires_confirmation", "stop_after_tool_call", "approval_type"})
_OF_REQUIREMENT = frozenset({"id", "created_at", "tool_execution", "confirmation", "confirmation_note"})


class UnreadableDecisions(ValueError):  # noqa: N818 - it reads as what happened
    """What was sent decides nothing, or something else; the text says what is wrong with it."""


def read_decisions(sent: Any) -> list[CallDecision]:
    """The decisions in the form field `tools` (of an agent) or `requirements` (of a team). Raises UnreadableDecisions."""
    try:
        calls = json.loads(sent) if isinstance(sent, str) else sent
    except (ValueError, RecursionError):
        raise UnreadableDecisions("Send valid JSON.") from None
    if not isinstance(calls, list) or len(calls) > MOST_CALLS or not all(isinstance(call, dict) for call in calls):
        raise UnreadableDecisions(f"Send a list of at most {MOST_CALLS} calls.")
    decisions = [_decision_of(_flattened(call)) for call in calls]
    return [decision for decision in decisions if decision is not None]


def decide(principal: Principal, run_id: UUID, decisions: list[CallDecision]) -> None:
    """All of these, or none. Raises Conflict for a run that never waited, InvalidInput for calls that it does not wait
    for and for arguments that are not those of the rows, and whatever approvals.decide raises."""
    waiting = {one.tool_call_id: one for one in AgentOSApproval.objects.visible_to(principal).filter(run_id=run_id)}
    if not waiting:
        raise Conflict("This run does not wait for anything.", code="run_not_waiting")
    for decision in decisions:
        _refuse_other_call(decision, waiting.get(decision.tool_call_id))
    with transaction.atomic():
        for decision in decisions:
            approval = waiting[decision.tool_call_id]
            answer: approvals.Answer = "approve" if decision.allowed else "reject"
            approvals.decide(principal, approval.pk, answer, note=decision.note)


def _refuse_other_call(decision: CallDecision, approval: AgentOSApproval | None) -> None:
    if approval is None:
        raise InvalidInput(fields={decision.tool_call_id: ["The run does not wait for this call."]})
    if decision.tool_name not in (None, approval.tool_name) or decision.arguments not in (None, approval.arguments):
        raise InvalidInput(
            fields={
                decision.tool_call_id: [
                    "This is not the call that waits. Arguments are changed at /api/v1/agentos/approvals/ only."
                ]
            }
        )


def _flattened(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """A requirement as the call that it is about."""
    inner = call.get("tool_execution")
    if inner is None:
        return call
    _refuse_more(call, _OF_REQUIREMENT)
    if not isinstance(inner, dict):
        raise UnreadableDecisions("tool_execution is an object.")
    said = {"confirmed": call.get("confirmation"), "confirmation_note": call.get("confirmation_note")}
    return {**inner, **{name: value for name, value in said.items() if value is not None}}


def _decision_of(call: Mapping[str, Any]) -> CallDecision | None:
    confirmed, call_id = call.get("confirmed"), call.get("tool_call_id")
    ran = call.get("result") is not None and not call.get("requires_confirmation")
    if confirmed is None or ran:
        # Nothing is decided, or it was earlier in the run: whatever else it says, nothing of it is read.
        return None
    if not isinstance(confirmed, bool) or not isinstance(call_id, str) or not call_id:
        raise UnreadableDecisions("A decision has a tool_call_id, and confirmed is true or false.")
    _refuse_more(call, _READ | _PASSED_OVER)
    note = call.get("confirmation_note")
    if note is not None and (not isinstance(note, str) or "\x00" in note):
        raise UnreadableDecisions("confirmation_note is text.")
    return CallDecision(call_id, confirmed, note or "", call.get("tool_name"), call.get("tool_args"))


def _refuse_more(call: Mapping[str, Any], known: frozenset[str]) -> None:
    """What Agno's client fills in as "nothing" may stay; anything that says something may not."""
    more = sorted(name for name, value in call.items() if name not in known and value not in (None, False, [], {}))
    if more:
        raise UnreadableDecisions(f"This cannot be set here: {', '.join(more)}.")
