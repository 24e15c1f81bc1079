"""Taking a run up again that has waited for approval, in whichever process finds that all is decided."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from apps.accounts.principal import Principal
from apps.api.errors import NotFound, OpieError
from apps.opie import rows
from apps.opie.engine import parts, queue, recording, transcript, waiting
from apps.opie.engine.opening import OpenedTurn
from apps.opie.engine.outcome import RunResult, result_of_run
from apps.opie.engine.paused import output_to_continue, restored
from apps.opie.engine.turn import Turn, fail
from apps.opie.models import Agent, AgentOSRun
from apps.opie.models.runs import RunStatus


async def continue_run(run_id: UUID, listen: Callable[[Any], None] | None = None) -> Turn | None:
    """Let a run that has waited go on, from what its rows say was decided; `listen` hears Agno's own events. None when
    it waits still, or when somebody else has taken it up. What keeps it from going on is stored as its end."""
    continued = await rows.run(waiting.claim, run_id)
    if continued is None:
        return None
    opened, before = continued.claimed.opened, restored(continued.state)
    try:
        principal, agent = await rows.run(queue.person_and_agent, continued.claimed)
        built = await rows.run(parts.build, agent, principal, opened.session_id)
    except OpieError as error:
        # Nobody is there to answer any more: that is nobody's failure.
        status = RunStatus.CANCELLED if isinstance(error, NotFound) else RunStatus.FAILED
        await fail(opened, error, status, transcript.rows_of_observation(before))
        return None
    blank = built.output_of_run(run_id, opened.session_id or run_id)
    output, refused = output_to_continue(continued.state, continued.decisions, built.tool_names, blank)
    turn = Turn(principal, agent, opened, listen, context=continued.context)
    turn.go_on(lambda asked: built.agno_continue(output, asked), before, refused)
    return turn


async def continue_own_run(
    principal: Principal, agent: Agent, run_id: UUID, listen: Callable[[Any], None]
) -> Turn | None:
    """The same for somebody who wants to hear it. Raises NotFound for a run that is not theirs with this agent."""
    await rows.run(_own_run, principal, agent, run_id)
    return await continue_run(run_id, listen)


async def result_of_continued(principal: Principal, agent: Agent, run_id: UUID) -> RunResult:
    """What a run of this person's came to that somebody else has taken up, once it has ended or waits again. Raises
    NotFound for a run that is not theirs."""
    run, last_event = await rows.run(_own_run, principal, agent, run_id)
    if run.status != RunStatus.RUNNING:
        return await rows.run(result_of_run, run_id)
    opened = OpenedTurn(run_id, run.session_id, "", "", RunStatus.RUNNING, run.question_id, last_event)
    return await Turn(principal, agent, opened).result()


def _own_run(principal: Principal, agent: Agent, run_id: UUID) -> tuple[AgentOSRun, int]:
    # The number first: what ends after it was read is among the events that are waited for.
    last_event = recording.last_number(run_id)
    run = AgentOSRun.objects.visible_to(principal).filter(pk=run_id, agent=agent).first()
    if run is None:
        raise NotFound("There is no such run.", code="run_not_found")
    return run, last_event
