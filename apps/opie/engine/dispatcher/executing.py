"""A task given to whoever fits it: chosen, then executed like any other execution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.accounts.principal import Principal
from apps.opie import rows
from apps.opie.engine import execution_engine
from apps.opie.engine.asking import ATTEMPTS
from apps.opie.engine.dispatcher.selecting import Selection, select
from apps.opie.engine.executions.agents import BaseAgent, Execution
from apps.opie.engine.executions.result import AgentResult


@dataclass(frozen=True, slots=True)
class GivenTask:
    """One under way, and how its agent was chosen."""

    selection: Selection
    agent: BaseAgent
    execution: Execution

    async def result(self) -> AgentResult:
        return await self.agent.result_of(self.execution)


async def give_task(
    principal: Principal,
    task: str,
    input_data: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    *,
    background: bool = False,
    most_attempts: int = ATTEMPTS,
) -> GivenTask:
    """Begin, and answer at once. The task is what is asked; `input_data` is what it is asked about. Raises Conflict
    (`no_agent_fits`), with the nearest, and what `select` and BaseAgent.open raise."""
    selection = await select(principal, task)
    _, agent = await rows.run(execution_engine.agent_for, selection.require_agent(), principal)
    execution = await agent.open(
        {"task": task, **(input_data or {})},
        principal,
        context,
        background=background,
        most_attempts=most_attempts,
        dispatched=selection.dispatched,
    )
    return GivenTask(selection, agent, execution)
