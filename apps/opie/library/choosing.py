"""Who answers a command: whom the person names, else whom the command recommends, else who has its capabilities, else
whom the dispatcher chooses."""

from dataclasses import dataclass
from typing import Literal

from apps.accounts.principal import Principal
from apps.opie import rows
from apps.opie.engine.asking import agent_to_ask
from apps.opie.engine.dispatched import Dispatched
from apps.opie.engine.dispatcher import select_for_task
from apps.opie.engine.served import served_agent
from apps.opie.models import Agent, CommandTemplate
from apps.opie.models.agents import AgentKind

# Of the prompt, the dispatcher reads the beginning.
LONGEST_DESCRIPTION = 4_000

ChosenBy = Literal["person", "command", "capability", "dispatcher"]


@dataclass(frozen=True, slots=True)
class ChosenAgent:
    """An agent that is served to the person, and what decided for it; `dispatched` where the dispatcher did."""

    agent: Agent
    chosen_by: ChosenBy
    dispatched: Dispatched | None = None


def agent_at_hand(principal: Principal, command: CommandTemplate, agent_id: str | None) -> ChosenAgent | None:
    """Without asking the dispatcher; None when that has to be. To name the agent that passes everything on is to name
    nobody. Sync. Raises NotFound for an agent that the person named and that is not there for them."""
    if agent_id and (named := agent_to_ask(principal, agent_id)).kind != AgentKind.AUTO:
        return ChosenAgent(named, "person")
    recommended = command.recommended_agent
    agent = None if recommended is None else served_agent(principal, recommended.agent_id)
    if agent is not None and agent.kind != AgentKind.AUTO:
        return ChosenAgent(agent, "command")
    if able := _most_able(principal, command.required_capabilities):
        return ChosenAgent(agent_to_ask(principal, able), "capability")
    return None


def _most_able(principal: Principal, capabilities: list[str]) -> str | None:
    """Of the agents with all these capabilities the one of highest priority; of those the one that can the least
    beside, as it is made for this."""
    if not capabilities:
        return None
    able = Agent.objects.served_to(principal).filter(capabilities__contains=capabilities).exclude(kind=AgentKind.AUTO)
    found = able.order_by("-priority", "capabilities__len", "agent_id").values_list("agent_id", flat=True).first()
    return str(found) if found is not None else None


async def dispatched_agent(principal: Principal, command: CommandTemplate, prompt: str) -> ChosenAgent:
    """Whom the dispatcher chooses for this. Raises Conflict (`no_agent_fits`) when nobody fits."""
    description = f"{command.name}. {command.description}\n\n{prompt}"[:LONGEST_DESCRIPTION]
    selected = await select_for_task(description, principal)
    agent = await rows.run(agent_to_ask, principal, selected.require_agent())
    return ChosenAgent(agent, "dispatcher", selected.dispatched)


def why_it_answers(command: CommandTemplate, agent: Agent) -> str:
    """In a sentence, what of a command speaks for an agent; empty where nothing does, and somebody has chosen it."""
    if command.recommended_agent_id == agent.pk:
        return f"“{command.name}” is made for {agent.name}."
    needed = command.required_capabilities
    if needed and set(needed) <= set(agent.capabilities):
        can = ", ".join(code.replace("_", " ").lower() for code in needed)
        return f"{agent.name} can do what “{command.name}” needs: {can}."
    return ""
