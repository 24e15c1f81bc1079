"""Rows as Agno's sessions and runs. Reads nothing: it is given what was read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agno.db.base import SessionType
from agno.metrics import RunMetrics
from agno.models.message import Message
from agno.run.agent import RunInput, RunOutput
from agno.run.base import RunStatus as AgnoStatus
from agno.run.team import TeamRunInput, TeamRunOutput
from agno.run.workflow import WorkflowRunOutput
from agno.session import AgentSession, TeamSession, WorkflowSession

from apps.opie.engine import transcript
from apps.opie.engine.history import History
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.agents import AgentKind
from apps.opie.models.messages import MessageRole
from apps.opie.models.runs import RunStatus

AnySession = AgentSession | TeamSession | WorkflowSession
AnyRun = RunOutput | TeamRunOutput | WorkflowRunOutput

# The one key of a session's metadata that Agno's own data lives under.
AGNO_KEY = "agno"
# Agno writes a session back whole: this tells a name that it changed from one that it only read.
NAME_WHEN_READ = "session_name_when_read"

_STATUS_TO_AGNO = {
    RunStatus.PENDING: AgnoStatus.pending,
    RunStatus.RUNNING: AgnoStatus.running,
    RunStatus.WAITING: AgnoStatus.paused,
    RunStatus.COMPLETED: AgnoStatus.completed,
    RunStatus.FAILED: AgnoStatus.error,
    RunStatus.CANCELLED: AgnoStatus.cancelled,
    RunStatus.INTERRUPTED: AgnoStatus.error,
}
_STATUS_FROM_AGNO = {
    AgnoStatus.pending: RunStatus.PENDING,
    AgnoStatus.running: RunStatus.RUNNING,
    AgnoStatus.paused: RunStatus.WAITING,
    AgnoStatus.completed: RunStatus.COMPLETED,
    AgnoStatus.error: RunStatus.FAILED,
    AgnoStatus.cancelled: RunStatus.CANCELLED,
    # A regenerated run stays what it was: completed. Nothing of ours marks it.
    AgnoStatus.regenerated: RunStatus.COMPLETED,
}
_TYPE_OF_KIND = {AgentKind.TEAM: SessionType.TEAM, AgentKind.WORKFLOW: SessionType.WORKFLOW}
_ID_FIELD = {SessionType.AGENT: "agent_id", SessionType.TEAM: "team_id", SessionType.WORKFLOW: "workflow_id"}


@dataclass
class RunParts:
    """One run with its messages in order and its figures, as read."""

    row: AgentOSRun
    messages: list[AgentOSMessage] = field(default_factory=list)
    metrics: RunMetrics | None = None


def parts_of(
    runs: Sequence[AgentOSRun], messages: Iterable[AgentOSMessage], metrics: dict[UUID, RunMetrics]
) -> list[RunParts]:
    """Runs with what belongs to each; messages must come in order."""
    by_run: dict[UUID, list[AgentOSMessage]] = defaultdict(list)
    for message in messages:
        if message.run_id is not None:
            by_run[message.run_id].append(message)
    return [RunParts(run, by_run[run.pk], metrics.get(run.pk)) for run in runs]


def status_from_agno(status: AgnoStatus | str | None) -> RunStatus:
    """Our status for Agno's; what has none yet is running."""
    return _STATUS_FROM_AGNO[AgnoStatus(status)] if status is not None else RunStatus.RUNNING


def statuses_for(status: AgnoStatus | str) -> list[str]:
    """Our statuses that read as that one of Agno's."""
    return [ours for ours, agno in _STATUS_TO_AGNO.items() if agno == AgnoStatus(status)]


def agno_part(session: AgentOSSession) -> dict[str, Any]:
    """What Agno keeps with a session: type, component_id, session_data and metadata."""
    part = session.metadata.get(AGNO_KEY)
    return part if isinstance(part, dict) else {}


def type_of_kind(kind: str) -> SessionType:
    """Agno's word for a kind of agent."""
    return _TYPE_OF_KIND.get(AgentKind(kind), SessionType.AGENT)


def component_of(agent: Agent | None, session: AgentOSSession | None) -> tuple[SessionType, str | None]:
    """Type and id of what answers: the agent's row, or else the plain Agno component the session was made by."""
    if agent is not None:
        return type_of_kind(agent.kind), agent.agent_id
    part = agno_part(session) if session is not None else {}
    return SessionType(part.get("type", SessionType.AGENT)), part.get("component_id")


def session_of(row: AgentOSSession, runs: Sequence[RunParts], session_type: SessionType | None = None) -> AnySession:
    """The session as the type asked for, or else as its own, with these runs."""
    own_type, component_id = component_of(row.agent, row)
    wanted = session_type or own_type
    common: dict[str, Any] = {
        "session_id": str(row.pk),
        "user_id": str(row.user_id),
        "session_data": _session_data(row, runs),
        "metadata": agno_part(row).get("metadata"),
        "created_at": int(row.created_at.timestamp()),
        "updated_at": int(row.updated_at.timestamp()),
    }
    component = component_id if wanted == own_type else None
    built = [run_of(parts, row) for parts in runs]
    if wanted == SessionType.TEAM:
        team_runs = [run for run in built if not isinstance(run, WorkflowRunOutput)]
        return TeamSession(team_id=component, runs=team_runs, **common)
    if wanted == SessionType.WORKFLOW:
        name = row.agent.name if row.agent is not None else None
        workflow_runs = [run for run in built if isinstance(run, WorkflowRunOutput)]
        return WorkflowSession(workflow_id=component, workflow_name=name, runs=workflow_runs, **common)
    return AgentSession(
        agent_id=component, runs=[run for run in built if not isinstance(run, WorkflowRunOutput)], **common
    )


class _WithHistory:
    """A session for a run of ours: its messages are the history that was read for the run, whatever Agno asks for."""

    history: History

    def get_messages(self, *_: Any, **__: Any) -> list[Message]:
        return list(self.history.messages)


class _AgentSessionWithHistory(_WithHistory, AgentSession):
    pass


class _TeamSessionWithHistory(_WithHistory, TeamSession):
    pass


def session_for_run(history: History, user_id: UUID, session_type: SessionType | None) -> AnySession:
    """The session as the run under way sees it. Nothing is read for it: it has no runs, but their messages."""
    kind = _TeamSessionWithHistory if session_type == SessionType.TEAM else _AgentSessionWithHistory
    session = kind(
        session_id=str(history.chain.session_id),
        user_id=str(user_id),
        session_data=dict(history.chain.agno.get("session_data", {})),
        metadata=history.chain.agno.get("metadata"),
        runs=[],
    )
    session.history = history
    return session


def session_dict_of(
    row: AgentOSSession, runs: Sequence[RunParts] | None = None, session_type: SessionType | None = None
) -> dict[str, Any]:
    """The same as AgentOS's routes want it raw: with its type, and with runs as dictionaries."""
    own_type, _ = component_of(row.agent, row)
    raw = session_of(row, runs or [], session_type).to_dict()
    raw["session_type"] = (session_type or own_type).value
    if runs is None:
        raw["runs"] = None
    return raw


def run_of(parts: RunParts, session: AgentOSSession | None) -> AnyRun:
    """One run as Agno knows it."""
    run_type, component_id = _component_of_run(parts.row, session)
    common: dict[str, Any] = {
        "run_id": str(parts.row.pk),
        "session_id": str(parts.row.session_id) if parts.row.session_id else None,
        "parent_run_id": str(parts.row.parent_id) if parts.row.parent_id else None,
        "user_id": str(parts.row.user_id),
        "content": _content_of(parts),
        "created_at": int(parts.row.created_at.timestamp()),
        "status": _STATUS_TO_AGNO[RunStatus(parts.row.status)],
    }
    asked = next((row.content for row in parts.messages if row.role == MessageRole.USER), None)
    if run_type == SessionType.WORKFLOW:
        return WorkflowRunOutput(workflow_id=component_id, input=asked, **common)
    common |= {"messages": _messages(parts), "metrics": parts.metrics, "reasoning_content": _reasoning_of(parts)}
    name = parts.row.agent.name if parts.row.agent is not None else None
    if run_type == SessionType.TEAM:
        team_input = TeamRunInput(input_content=asked) if asked is not None else None
        return TeamRunOutput(team_id=component_id, team_name=name, input=team_input, **common)
    run_input = RunInput(input_content=asked) if asked is not None else None
    return RunOutput(agent_id=component_id, agent_name=name, input=run_input, **common)


def run_dict_of(parts: RunParts, session: AgentOSSession | None) -> dict[str, Any]:
    """One run as a row of Agno's runs table would read."""
    run = run_of(parts, session)
    run_type, component_id = _component_of_run(parts.row, session)
    return {
        "run_id": run.run_id,
        "session_id": run.session_id,
        "user_id": run.user_id,
        "run_type": run_type.value,
        _ID_FIELD[run_type]: component_id,
        "parent_run_id": run.parent_run_id,
        "status": run.status.value,
        "run_data": run.to_dict(),
        "created_at": run.created_at,
        "updated_at": int((parts.row.finished_at or parts.row.created_at).timestamp()),
    }


def _component_of_run(row: AgentOSRun, session: AgentOSSession | None) -> tuple[SessionType, str | None]:
    if row.agent is None and row.parent_id is not None:
        return SessionType.AGENT, (row.output or {}).get("component_id")
    return component_of(row.agent, session)


def _content_of(parts: RunParts) -> Any:
    for row in reversed(parts.messages):
        if row.is_answer:
            return row.content
    if isinstance(parts.row.output, dict) and "content" in parts.row.output:
        return parts.row.output["content"]
    return parts.row.output


def _reasoning_of(parts: RunParts) -> str | None:
    return next((row.reasoning for row in reversed(parts.messages) if row.is_answer and row.reasoning), None)


def _messages(parts: RunParts) -> list[Message]:
    return transcript.messages_of(parts.messages)


def _session_data(row: AgentOSSession, runs: Sequence[RunParts]) -> dict[str, Any]:
    name = row.title or "New chat"
    data = {**agno_part(row).get("session_data", {}), "session_name": name, NAME_WHEN_READ: name}
    known = [parts.metrics for parts in runs if parts.metrics is not None]
    if known:
        data["session_metrics"] = {
            name: sum(getattr(metrics, name) or 0 for metrics in known)
            for name in ("input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "reasoning_tokens")
        }
    return data
