"""What a run came to, read from its rows: the object that send-message answers and run.finished carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.api.errors import BudgetExceeded, Internal, LimitExceeded, OpieError, PlatformFailed, Unavailable
from apps.opie.ledger.summary import NOTHING_USED, RunUsage, usage_of_run, usage_of_runs
from apps.opie.models import AgentOSApproval, AgentOSMessage, AgentOSPerformance, AgentOSRun
from apps.opie.models.messages import NOTES, MessageRole
from apps.opie.models.runs import LIVE_STATUSES, RunStatus
from apps.opie.providers.afterwords import afterword_of

# Of a run whose answer does not have the shape that was asked for, twice.
OUTPUT_INVALID = "output_invalid"


@dataclass(frozen=True, slots=True)
class RunResult:
    """One answer with what it took. Times are milliseconds; `cost` is None when any call's price is unknown."""

    run_id: UUID
    session_id: UUID | None
    message_id: UUID | None
    agent_id: str
    content: str
    reasoning: str
    status: str
    platform: str | None
    model: str | None
    usage: dict[str, Any]
    cost: Decimal | None
    currency: str
    duration_ms: int | None
    time_to_first_token_ms: int | None
    tools: list[dict[str, Any]] = field(default_factory=list)
    citations: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, str] | None = None
    approvals: list[dict[str, Any]] | None = None
    # Of an answer that had to fit a shape: the `output` it was read as, and what was `refused` before it.
    shaped: dict[str, Any] = field(default_factory=dict)
    # A person of this name has taken the conversation over: there is no run and no answer yet.
    is_for_person: bool = False
    person: str = ""
    # The agent_id of whoever in a team spoke, where that is known; empty for an agent that spoke itself.
    answered_by: str = ""
    # Of the answer's metadata what people may read: what a host's code noted of it, above all.
    metadata: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The shape of the REST contract."""
        body: dict[str, Any] = {
            "session_id": _text(self.session_id),
            "run_id": None if self.is_for_person else str(self.run_id),
            "message_id": _text(self.message_id),
            "agent_id": self.agent_id,
            "content": self.content,
            "status": self.status,
            "platform": self.platform,
            "model": self.model,
            "usage": self.usage,
            "cost": None if self.cost is None else format(self.cost.normalize(), "f"),
            "currency": self.currency,
            "duration_ms": self.duration_ms,
            "time_to_first_token_ms": self.time_to_first_token_ms,
            "tools": self.tools,
            "citations": self.citations,
            "metadata": self.metadata,
        }
        return (
            body
            | ({"error": self.error} if self.error else {})
            | ({"reasoning": self.reasoning} if self.reasoning else {})
            | ({} if self.approvals is None else {"approvals": self.approvals})
            | ({"for_person": True, "person": self._person()} if self.is_for_person else {})
            | ({"answered_by": self.answered_by} if self.answered_by else {})
            | self.shaped
        )

    def _person(self) -> dict[str, str]:
        return {"state": "taken_over", "name": self.person}

    def raise_for_failure(self) -> None:
        """Raise what a caller who waited for the answer has to be told; the run id goes with it."""
        if self.status == RunStatus.WAITING:
            return
        if self.status in LIVE_STATUSES:
            raise Unavailable("The answer could not be stored yet. Look at the run in a minute.", code="run_unsettled")
        if self.status != RunStatus.FAILED or self.error is None:
            return
        error = _as_raised(self.error["code"], self.error["message"], str(self.run_id))
        error.extra["run_id"] = str(self.run_id)
        if retry_after := afterword_of(self.run_id).retry_after:
            error.headers["Retry-After"] = retry_after
        raise error


def _as_raised(code: str, message: str, run_id: str) -> OpieError:
    if code.startswith("platform") or code == OUTPUT_INVALID:
        return PlatformFailed(message, code=code, run_id=run_id)
    if code == LimitExceeded.code:
        return LimitExceeded(message)
    if code in (BudgetExceeded.code, "price_unknown"):
        return BudgetExceeded(message, code=code)
    return Internal(message, code=code)


def result_of_run(run_id: UUID) -> RunResult:
    """Read a run's result; it may still be running. Three queries."""
    run = AgentOSRun.objects.select_related("agent", "performance").get(pk=run_id)
    if run.status == RunStatus.WAITING and run.paused_state is not None:
        return _result_while_waiting(run, run.paused_state)
    said = list(AgentOSMessage.objects.filter(run=run).exclude(role=MessageRole.USER).order_by("number"))
    return result_of(run, said, usage_of_run(run_id), getattr(run, "performance", None))


def left_to_person(run_id: UUID, session_id: UUID | None, agent_id: str, person: str) -> RunResult:
    """What comes of a question at once where a person answers: it is stored, and nothing was spent."""
    return RunResult(
        run_id=run_id,
        session_id=session_id,
        message_id=None,
        agent_id=agent_id,
        content="",
        reasoning="",
        status=RunStatus.COMPLETED,
        platform=None,
        model=None,
        usage=dict(NOTHING_USED.usage),
        cost=NOTHING_USED.cost,
        currency=NOTHING_USED.currency,
        duration_ms=None,
        time_to_first_token_ms=None,
        is_for_person=True,
        person=person,
    )


def results_of(runs: Sequence[AgentOSRun]) -> list[RunResult]:
    """The results of several runs, whose agents and performance are at hand. Two queries, whatever their number."""
    messages = AgentOSMessage.objects.filter(run__in=runs).exclude(role=MessageRole.USER).order_by("number")
    said: dict[UUID | None, list[AgentOSMessage]] = {}
    for row in messages:
        said.setdefault(row.run_id, []).append(row)
    used = usage_of_runs([run.pk for run in runs])
    return [
        result_of(run, said.get(run.pk, []), used.get(run.pk, NOTHING_USED), getattr(run, "performance", None))
        for run in runs
    ]


def result_of(
    run: AgentOSRun, said: list[AgentOSMessage], used: RunUsage, performance: AgentOSPerformance | None
) -> RunResult:
    """A run's result from rows that are at hand: what was said in order, without the question. Queries nothing."""
    answer = next((row for row in said if row.is_answer), None)
    spoken = output_of(said) if run.session_id or said else _stored_output(run)
    return RunResult(
        run_id=run.pk,
        session_id=run.session_id,
        message_id=answer.pk if answer and run.session_id else None,
        agent_id=run.agent.agent_id if run.agent else "",
        content=spoken["content"],
        reasoning=spoken["reasoning"],
        status=run.status,
        platform=used.platform or None,
        model=used.model or None,
        usage=dict(used.usage),
        cost=used.cost,
        currency=used.currency,
        duration_ms=performance.duration_ms if performance else None,
        time_to_first_token_ms=performance.time_to_first_token_ms if performance else None,
        tools=spoken["tools"],
        citations=spoken["citations"],
        error={"code": run.error_code, "message": run.error_message} if run.error_code else None,
        shaped=spoken.get("shaped", {}),
        answered_by=answered_by(spoken["metadata"], spoken["tools"]),
        metadata=spoken["metadata"],
    )


def _result_while_waiting(run: AgentOSRun, state: dict[str, Any]) -> RunResult:
    """What there is so far of a run that waits for approval, and what it waits for."""
    so_far = result_of(run, [], usage_of_run(run.pk), None)
    asked = AgentOSApproval.objects.filter(run=run, tool_call_id__in=state["waits_for"]).order_by("id")
    return replace(
        so_far,
        content=state["text"],
        reasoning=state["reasoning"],
        tools=[{name: call[name] for name in _SHOWN_OF_TOOL} for call in state["tool_calls"]],
        citations=state["citations"],
        metadata={NOTES: state["notes"]} if state.get("notes") else {},
        approvals=[{**as_told(approval), "status": approval.status} for approval in asked],
    )


def as_told(approval: AgentOSApproval) -> dict[str, Any]:
    """What readers of a run are told about what it waits for: the data of `approval.required`."""
    return {
        "approval_id": str(approval.pk),
        "tool_call_id": approval.tool_call_id,
        "name": approval.tool_name,
        "arguments": approval.arguments,
        "by": str(approval.by),
        "expires_at": approval.expires_at.isoformat(),
    }


_SHOWN_OF_TOOL = ("tool_call_id", "name", "arguments", "result", "failed", "duration_ms")


def output_of(said: list[AgentOSMessage]) -> dict[str, Any]:
    """What an agent said, in one object: what a run without a session keeps of it."""
    answer = next((row for row in said if row.is_answer), None)
    return {
        "content": full_text(said),
        "reasoning": "\n\n".join(row.reasoning for row in said if row.reasoning),
        "tools": tools_of(said),
        "citations": answer.citations if answer else [],
        "metadata": answer.shown_metadata if answer else {},
        **({"shaped": answer.metadata["shaped"]} if answer and "shaped" in answer.metadata else {}),
    }


def _stored_output(run: AgentOSRun) -> dict[str, Any]:
    return {"content": "", "reasoning": "", "tools": [], "citations": [], "metadata": {}} | (run.output or {})


def full_text(said: list[AgentOSMessage]) -> str:
    """All that the agent said to the person, between tools and after them: what the deltas added up to."""
    return "\n\n".join(row.content for row in said if row.role == MessageRole.ASSISTANT and row.content)


# How Agno's team leaders ask a member.
DELEGATING = "delegate_task_to_member"


def answered_by(metadata: Mapping[str, Any], tools: list[dict[str, Any]]) -> str:
    """Who in a team answered: whoever a host's code noted, else the member that the leader asked last."""
    notes = metadata.get(NOTES)
    noted = notes.get("answered_by") if isinstance(notes, dict) else None
    if isinstance(noted, str) and noted:
        return noted
    asked = [tool["arguments"] for tool in tools if tool["name"] == DELEGATING and not tool["failed"]]
    member = asked[-1].get("member_id") if asked and isinstance(asked[-1], dict) else None
    return member if isinstance(member, str) else ""


def tools_of(said: list[AgentOSMessage]) -> list[dict[str, Any]]:
    """The calls of tools among these messages, each with what came back, in order."""
    results = {row.tool_call_id: row for row in said if row.role == MessageRole.TOOL}
    return [_tool(call, results.get(call["id"])) for row in said for call in row.tool_calls]


def _tool(call: dict[str, Any], result: AgentOSMessage | None) -> dict[str, Any]:
    return {
        "tool_call_id": call["id"],
        "name": call["name"],
        "arguments": call["arguments"],
        "result": result.content if result else None,
        "failed": result.tool_failed if result else True,
        "duration_ms": result.tool_duration_ms if result else None,
    }


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)
