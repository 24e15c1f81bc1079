"""The dispatcher: chooses the agent for a task.

agent = await dispatcher.select_agent_for_task(task_description="Review this Python code for security issues", user=user)
"""

from typing import TYPE_CHECKING

from apps.api.errors import NotFound
from apps.opie import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.accounts.models import User
    from apps.accounts.principal import Principal
    from apps.opie.engine.dispatcher.selecting import Selection
    from apps.opie.models import Agent

__all__ = ["select_agent_for_task", "select_for_task"]


async def select_agent_for_task(
    task_description: str, user: "User | Principal | None" = None, *, capabilities: "Sequence[str]" = ()
) -> "Agent":
    """The agent for a task. Raises Conflict (`no_agent_fits`), naming the nearest, where nobody fits, and what `select`
    raises. Without a user it is chosen for whoever the run under way belongs to, else of the installation's own agents.
    """
    selection = await select_for_task(task_description, user, capabilities=capabilities)
    return await rows.run(_chosen, selection.require_agent())


def _chosen(agent_id: str) -> "Agent":
    from apps.opie.models import Agent

    agent = Agent.objects.filter(agent_id=agent_id).first()
    if agent is None:
        raise NotFound("The agent that was chosen was deleted meanwhile. Try again.", code="agent_not_found")
    return agent


async def select_for_task(
    task_description: str, user: "User | Principal | None" = None, *, capabilities: "Sequence[str]" = ()
) -> "Selection":
    """The same with every candidate, its score and why; nobody may fit."""
    from apps.opie.engine.dispatcher.selecting import select

    return await select(await _principal(user), task_description, capabilities=capabilities)


async def _principal(user: "User | Principal | None") -> "Principal | None":
    from apps.opie.engine.executions.agents import principal_of
    from apps.opie.scope import current_scope

    if user is not None:
        return await rows.run(principal_of, user)
    scope = current_scope.get()
    return None if scope is None else scope.principal
