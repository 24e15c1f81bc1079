"""Executing agents from a host's Python: by their row or their id, for a person, one way for all of them.

result = await execution_engine.execute_agent(agent="code-reviewer", input_data={"code": "…"}, user=user)
result.output, result.cost, result.tokens_used, result.execution_id
"""

from collections.abc import AsyncIterator
from uuid import UUID

from apps.accounts.models import User
from apps.accounts.principal import Principal
from apps.opie import rows
from apps.opie.engine import state_manager
from apps.opie.engine.asking import agent_to_ask, require_may_run
from apps.opie.engine.executions.agents import BaseAgent, Context, InputData, executable, principal_of
from apps.opie.engine.executions.result import AgentResult
from apps.opie.engine.outcome import result_of_run
from apps.opie.events import RunEvent
from apps.opie.models import Agent


async def execute_agent(
    agent: Agent | str,
    input_data: InputData,
    user: User | Principal,
    context: Context = None,
    *,
    background: bool = False,
) -> AgentResult:
    """Run an agent and wait for what comes of it; in the background, leave it to the worker. Raises as
    BaseAgent.execute, and NotFound for an agent that is not there for this person."""
    principal, made = await rows.run(agent_for, agent, user)
    return await made.execute(input_data, principal, context, background=background)


async def execute_streaming(
    agent: Agent | str, input_data: InputData, user: User | Principal, context: Context = None
) -> AsyncIterator[RunEvent | AgentResult]:
    """The run's events as they come and, last, the AgentResult. Raises the same."""
    principal, made = await rows.run(agent_for, agent, user)
    async for one in made.execute_streaming(input_data, principal, context):
        yield one


async def get_execution_status(execution_id: UUID | str, user: User | Principal) -> AgentResult:
    """How far an execution of this person's is: `status`, and what there is of a result. Raises NotFound."""
    return await rows.run(_status, execution_id, user)


def agent_for(agent: Agent | str, user: User | Principal) -> tuple[Principal, BaseAgent]:
    """The person, and the agent as it is executed, if they may talk to it. Sync; raises NotAllowed, NotFound."""
    principal = principal_of(user)
    require_may_run(principal)
    agent_id = agent.agent_id if isinstance(agent, Agent) else agent
    return principal, executable(agent_to_ask(principal, agent_id))


def _status(execution_id: UUID | str, user: User | Principal) -> AgentResult:
    return AgentResult.of_run(result_of_run(state_manager.get_execution(execution_id, user).pk))
