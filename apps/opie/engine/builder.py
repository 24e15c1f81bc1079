"""From an agent's row to an Agno Agent, Team or Workflow: the only place that makes one."""

from typing import Any

from agno.agent import Agent as AgnoAgent

from apps.accounts.principal import Principal
from apps.api.errors import Conflict
from apps.opie.engine.approval_rules import tools_that_wait
from apps.opie.engine.parts import database_for
from apps.opie.engine.profile_sections import Member
from apps.opie.engine.recorded import RecordedAgent, RecordedTeam
from apps.opie.knowledge.tool import INSTRUCTIONS, search_function
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind
from apps.opie.providers.choice import model_for
from apps.opie.tools.registry import functions_for

MOST_TOOL_CALLS = 20


def build(agent: Agent, principal: Principal) -> RecordedAgent | RecordedTeam:
    """The Agno object that answers as this agent for this person. Rows are read here, nothing is called.

    `agent` should come with its models (`with_models`). Raises Unavailable when no platform can serve it.
    """
    if agent.kind == AgentKind.WORKFLOW:
        raise Conflict("Workflows cannot be talked to yet.", code="not_offered")
    if agent.kind == AgentKind.AUTO:
        raise Conflict(f"{agent.name} passes messages of chats on to others. Choose an agent here.", code="not_offered")
    built = _team(agent, principal) if agent.kind == AgentKind.TEAM else _agent(agent, principal)
    built.opie_agent = agent
    built.opie_principal = principal
    return built


def _agent(agent: Agent, principal: Principal) -> RecordedAgent:
    return RecordedAgent(**_settings(agent, principal), tools=_tools(agent, principal))


def _tools(agent: Agent, principal: Principal) -> list[Any]:
    return [*functions_for(agent.tools, tools_that_wait(agent, principal.role), principal), *_search(agent)]


def _search(agent: Agent) -> list[Any]:
    """The tool over the agent's knowledge. What of it is found is decided by who asks, in the search itself."""
    base_ids = [row.base_id for row in agent.knowledge.all()]
    return [search_function(base_ids)] if base_ids else []


def _instructions(agent: Agent) -> str | None:
    parts = [agent.system_prompt, INSTRUCTIONS if agent.knowledge.all() else ""]
    return "\n\n".join(filter(None, parts)) or None


def _team(agent: Agent, principal: Principal) -> RecordedTeam:
    members: list[Any] = [_member(row.member, row.role, principal) for row in agent.members.all()]
    if not members:
        raise Conflict("This team has no members. Add at least one, or make it an agent.", code="team_without_members")
    return RecordedTeam(
        **_settings(agent, principal), members=members, tools=_tools(agent, principal), stream_member_events=False
    )


def _member(agent: Agent, role: str, principal: Principal) -> AgnoAgent:
    """A plain agent: it answers within the team's run, which records it. Raises Conflict where a tool of its would
    have to wait for a yes: a run of a team could not be taken up again in the middle of a member's."""
    if waiting := tools_that_wait(agent, principal.role):
        raise Conflict(
            f"The tool {waiting[0]} of the member {agent.agent_id} needs an approval, and tools of members cannot wait."
            " Give it to the team itself, or take it away from the member.",
            code="member_needs_approval",
        )
    return Member(
        id=agent.agent_id,
        name=agent.name,
        role=role or agent.description,
        model=model_for(agent, principal),
        instructions=_instructions(agent),
        tools=[*functions_for(agent.tools, principal=principal), *_search(agent)],
        tool_call_limit=MOST_TOOL_CALLS,
        markdown=True,
        telemetry=False,
    )


def _settings(agent: Agent, principal: Principal) -> dict[str, Any]:
    return {
        "id": agent.agent_id,
        "name": agent.name,
        "description": agent.description or None,
        "instructions": _instructions(agent),
        "model": model_for(agent, principal),
        "db": database_for(principal, agent.history_length),
        "user_id": str(principal.user_id),
        "add_history_to_context": agent.history_length > 0,
        "num_history_messages": agent.history_length or None,
        # Told, not written: what is worth remembering is noted after the answer (engine/remembering.py).
        "add_memories_to_context": agent.memory,
        "tool_call_limit": MOST_TOOL_CALLS,
        "add_datetime_to_context": True,
        "markdown": True,
        "retries": 0,
        "store_events": False,
        "store_media": False,
        "telemetry": False,
    }
