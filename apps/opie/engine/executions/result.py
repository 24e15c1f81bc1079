"""What an execution came to."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.opie.engine.outcome import RunResult
from apps.opie.models.messages import NOTES
from apps.opie.models.runs import END_STATUSES, RunStatus


@dataclass(frozen=True, slots=True)
class AgentResult:
    """`output` is what was asked for: text, or what the text was read as where a shape was asked for. `success` is None
    until there is an end. Unknown figures are None. `execution_time` is seconds."""

    execution_id: UUID
    success: bool | None
    output: Any
    status: str
    cost: Decimal | None
    currency: str
    tokens_used: int | None
    execution_time: float | None
    platform_used: str | None
    model_used: str | None
    session_id: UUID | None
    text: str = ""
    error: dict[str, str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    run: RunResult | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of_run(cls, run: RunResult, output: Any = None) -> "AgentResult":
        """Of a run as it is now."""
        duration = run.duration_ms
        return cls(
            execution_id=run.run_id,
            success=run.status == RunStatus.COMPLETED if run.status in END_STATUSES else None,
            output=run.shaped.get("output", run.content) if output is None else output,
            status=run.status,
            cost=run.cost,
            currency=run.currency,
            tokens_used=run.usage.get("total_tokens"),
            execution_time=None if duration is None else duration / 1000,
            platform_used=run.platform,
            model_used=run.model,
            session_id=run.session_id,
            text=run.content,
            error=run.error,
            metadata=_metadata_of(run),
            run=run,
        )

    def raise_for_failure(self) -> None:
        """Raise what a failed run failed with, as RunResult does; nothing for one that a host has made a success of."""
        if self.success is False and self.run is not None:
            self.run.raise_for_failure()

    def as_json(self) -> dict[str, Any]:
        """The shape of the REST contract."""
        dump = getattr(self.output, "model_dump", None)
        error = {} if self.error is None else {"error": self.error}
        return {
            "success": self.success,
            "output": dump(mode="json") if callable(dump) else self.output,
            "execution_id": str(self.execution_id),
            "tokens_used": self.tokens_used,
            "cost": None if self.cost is None else format(self.cost.normalize(), "f"),
            "execution_time": self.execution_time,
            "platform_used": self.platform_used,
            "model_used": self.model_used,
            "metadata": self.metadata | {"status": self.status} | error,
        }


def _metadata_of(run: RunResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "agent_id": run.agent_id,
        "session_id": str(run.session_id) if run.session_id else None,
        "currency": run.currency,
        "usage": run.usage,
        "time_to_first_token_ms": run.time_to_first_token_ms,
        "tools": run.tools,
        "citations": run.citations,
    }
    if NOTES in run.metadata:
        found[NOTES] = run.metadata[NOTES]
    if run.answered_by:
        found["answered_by"] = run.answered_by
    if "refused" in run.shaped:
        found["refused"] = run.shaped["refused"]
    if run.approvals is not None:
        found["approvals"] = run.approvals
    return found
