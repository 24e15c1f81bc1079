"""The states of executions, over their rows: asked for by whoever they belong to. Sync, like all code that touches rows.

`create`, `start`, `complete` and `fail` are for work that a host does itself and wants in the same books: no agent is
called, and everything else is as with any run. Executions that an agent answers go through execution_engine.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotFound, OpieError
from apps.opie.engine import queue, recording
from apps.opie.engine.asking import agent_to_ask, open_held
from apps.opie.engine.executions.agents import Context, InputData, executable, principal_of
from apps.opie.engine.executions.context import AgentContext
from apps.opie.engine.settling import Ending, settle
from apps.opie.metrics.errors import RunError
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun
from apps.opie.models.messages import MessageRole
from apps.opie.models.runs import RunStatus
from apps.opie.storable import clean_json, clean_text

MOST_AT_ONCE = 200
EXECUTION_FAILED = "execution_failed"


def create_execution(
    agent: Agent | str, input_data: InputData, user: User | Principal, context: Context = None
) -> AgentOSRun:
    """An execution that waits until `start_execution`, and that no agent answers. Raises as execute_agent does, and
    InvalidInput with a session: such an execution stands on its own."""
    principal, given = principal_of(user), AgentContext.of(context)
    if given.session_id is not None:
        raise InvalidInput(fields={"context.session_id": ["Work of your own belongs to no session."]})
    agent_id = agent.agent_id if isinstance(agent, Agent) else agent
    row = agent_to_ask(principal, agent_id)
    ask = replace(executable(row).ask_for(input_data, given), on_its_own=True)
    turn = open_held(principal, agent_id, ask)
    return get_execution(turn.run_id, principal)


@transaction.atomic
def start_execution(execution_id: UUID | str, user: User | Principal) -> AgentOSRun:
    """The work has begun. Raises NotFound, and Conflict unless it was created and waits."""
    run = _own_work(execution_id, user, RunStatus.PENDING)
    # Nobody beats for it: it is the host's to end, however long it takes.
    run.status, run.started_at, run.heartbeat_at = RunStatus.RUNNING, timezone.now(), None
    run.save(update_fields=["status", "started_at", "heartbeat_at"])
    return run


@transaction.atomic
def complete_execution(execution_id: UUID | str, user: User | Principal, output: Any = "") -> AgentOSRun:
    """The work is done: `output` is text or JSON. Raises NotFound, and Conflict unless it was started."""
    run = _own_work(execution_id, user, RunStatus.RUNNING)
    is_text = isinstance(output, str)
    value = clean_json(output)
    text = clean_text(output) if is_text else json.dumps(value, ensure_ascii=False)
    answer = AgentOSMessage(role=MessageRole.ASSISTANT, content=text, is_answer=True)
    if not is_text:
        answer.metadata["shaped"] = {"output": value}
    return _end(run, Ending(RunStatus.COMPLETED, [answer]), user)


@transaction.atomic
def fail_execution(
    execution_id: UUID | str, user: User | Principal, error: OpieError | str, output: str = ""
) -> AgentOSRun:
    """The work has failed: `error` is what the person is told, `output` what there is of it. Raises the same."""
    run = _own_work(execution_id, user, RunStatus.RUNNING)
    code, message = (error.code, error.message) if isinstance(error, OpieError) else (EXECUTION_FAILED, error)
    answer = AgentOSMessage(role=MessageRole.ASSISTANT, content=clean_text(output), is_answer=True)
    ending = Ending(RunStatus.FAILED, [answer], RunError(code, clean_text(message), "host"))
    return _end(run, ending, user)


def cancel_execution(execution_id: UUID | str, user: User | Principal) -> AgentOSRun:
    """Ask for an execution to be stopped, wherever it runs; one that waits ends at once, and so does a host's own work.
    One that has ended stays as it is. Raises NotFound."""
    principal = principal_of(user)
    run = get_execution(execution_id, principal)
    if _is_own_work(run) and run.status == RunStatus.RUNNING:
        return _end(run, Ending(RunStatus.CANCELLED), user)
    queue.request_cancel(principal, run.pk)
    return get_execution(run.pk, principal)


def get_execution(execution_id: UUID | str, user: User | Principal) -> AgentOSRun:
    """The run, when it is this person's. Raises NotFound, alike for what is not there and what is somebody else's."""
    runs = AgentOSRun.objects.visible_to(principal_of(user)).select_related("agent", "session")
    run = runs.filter(pk=_as_id(execution_id)).first()
    if run is None:
        raise _no_such_execution()
    return run


def get_agent_executions(
    agent: Agent | str, user: User | Principal, *, status: str | None = None, limit: int = 50
) -> list[AgentOSRun]:
    """This person's runs of an agent, newest first: at most `limit`, which is at most 200. Raises InvalidInput for a
    status that is none; for an agent that is not there the list is empty."""
    if status is not None and status not in RunStatus.values:
        raise InvalidInput(fields={"status": [f"Choose one of {', '.join(RunStatus.values)}."]})
    agent_id = agent.agent_id if isinstance(agent, Agent) else agent
    runs = AgentOSRun.objects.visible_to(principal_of(user)).filter(agent__agent_id=agent_id)
    if status is not None:
        runs = runs.filter(status=status)
    return list(runs.select_related("agent").order_by("-id")[: max(1, min(limit, MOST_AT_ONCE))])


def _own_work(execution_id: UUID | str, user: User | Principal, status: RunStatus) -> AgentOSRun:
    """A run that was created here and is in this state, locked."""
    runs = AgentOSRun.objects.visible_to(principal_of(user)).select_for_update(of=("self",))
    run = runs.filter(pk=_as_id(execution_id)).first()
    if run is None:
        raise _no_such_execution()
    if not _is_own_work(run):
        raise Conflict("An agent answers this execution, and ends it itself.", code="execution_of_agent")
    if run.status != status:
        raise Conflict(f"This execution is {run.status}.", code="execution_state")
    return run


def _is_own_work(run: AgentOSRun) -> bool:
    return bool((run.input or {}).get("is_held"))


def _end(run: AgentOSRun, ending: Ending, user: User | Principal) -> AgentOSRun:
    ending.duration_ms = _milliseconds_since(run.started_at)
    settle(run.pk, ending, [], recording.last_number(run.pk) + 1)
    return get_execution(run.pk, user)


def _milliseconds_since(moment: datetime | None) -> int:
    return 0 if moment is None else max(0, round((timezone.now() - moment).total_seconds() * 1000))


def _as_id(execution_id: UUID | str) -> UUID:
    try:
        return execution_id if isinstance(execution_id, UUID) else UUID(execution_id)
    except (ValueError, AttributeError, TypeError):
        raise _no_such_execution() from None


def _no_such_execution() -> NotFound:
    return NotFound("There is no such execution.", code="execution_not_found")
