"""Making, changing and withdrawing agents: the use cases behind the REST API and the pages.

Every change is a new version, written in the same transaction; both processes serve it with the next message.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.audit import record
from apps.accounts.models import User
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie.models import Agent, AgentKnowledge, AgentModel, AgentVersion, AIPlatform, KnowledgeBase
from apps.opie.models.agents import AgentVisibility
from apps.opie.models.knowledge import KnowledgeVisibility
from apps.opie.tools.registry import TOOLS

# Of a definition, what is kept on the agent's own row.
PLAIN_FIELDS = (
    "name", "description", "kind", "system_prompt", "capabilities", "tools", "starters", "tier", "temperature",
    "max_tokens", "approvals", "history_length", "history_tokens", "summarize_history", "memory", "local_only",
    "visibility", "status", "output_schema", "priority",
)  # fmt: skip


def create_agent(principal: Principal, definition: dict[str, Any]) -> Agent:
    """A new agent of the person's and their team's. Raises NotAllowed, InvalidInput, Conflict for a taken id."""
    if not principal.may(Permission.MANAGE_AGENTS) or principal.team_id is None:
        raise NotAllowed
    _refuse_reaching_too_far(principal, definition)
    agent = Agent(agent_id=definition["agent_id"], owner_id=principal.user_id, team_id=principal.team_id)
    try:
        with transaction.atomic():
            _write(agent, principal, definition)
            record(principal, "agent.created", agent, after=agent.definition())
    except IntegrityError as error:
        if "agent_id" in str(error):
            raise Conflict(
                "An agent with this id exists already. Choose another agent_id.", code="agent_id_taken"
            ) from None
        raise
    return agent


def change_agent(principal: Principal, agent: Agent, changes: dict[str, Any]) -> Agent:
    """Apply the changed fields as a new version. Raises NotAllowed, InvalidInput."""
    require_may_manage(principal, agent)
    _refuse_reaching_too_far(principal, changes)
    with transaction.atomic():
        agent = Agent.objects.select_for_update().get(pk=agent.pk)
        before = agent.definition()
        agent.version += 1
        _write(agent, principal, changes)
        record(principal, "agent.changed", agent, before=before, after=agent.definition())
    return agent


def delete_agent(principal: Principal, agent: Agent) -> None:
    """Take an agent away. Its sessions, messages and usage stay. Raises NotAllowed; Conflict for a team's member."""
    require_may_manage(principal, agent)
    if agent.member_of.exists():
        raise Conflict(
            "This agent is a member of a team of agents. Take it out of that team first.", code="agent_in_use"
        )
    with transaction.atomic():
        # Locked first: a run that is about to write a call down would otherwise wait for us, and we for it.
        locked = Agent.objects.select_for_update(of=("self",)).filter(pk=agent.pk).first()
        if locked is None:
            raise NotFound("There is no such agent.", code="agent_not_found")
        record(principal, "agent.deleted", locked, before=locked.definition())
        locked.delete()


def may_manage(principal: Principal, agent: Agent) -> bool:
    """Whether this person may change or delete the agent: of their team, and their own where the role says own."""
    return agent.team_id == principal.team_id and principal.may_for(Permission.MANAGE_AGENTS, agent.owner_id)


def require_may_manage(principal: Principal, agent: Agent) -> None:
    if not may_manage(principal, agent):
        raise NotAllowed("You can use this agent, but not change it. Ask its owner or an admin of the team.")


def visible_agent(principal: Principal, agent_id: str) -> Agent:
    """The agent of this id; NotFound alike for one that is not there and one that is not for this person."""
    agent = Agent.objects.visible_to(principal).with_parts(principal).filter(agent_id=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.", code="agent_not_found")
    return agent


def _refuse_reaching_too_far(principal: Principal, definition: dict[str, Any]) -> None:
    # Public means everyone in the installation, not only the team.
    if (
        definition.get("visibility") == AgentVisibility.PUBLIC
        and principal.reach(Permission.MANAGE_AGENTS) is not Reach.YES
    ):
        raise InvalidInput(fields={"visibility": ["Only an owner or admin of the team can make an agent public."]})
    for field in ("tools", "approvals"):
        if unknown := sorted(set(definition.get(field, [])) - TOOLS.keys()):
            known = ", ".join(sorted(TOOLS))
            raise InvalidInput(fields={field: [f"There is no tool named {', '.join(unknown)}. There are: {known}."]})


def _write(agent: Agent, principal: Principal, definition: dict[str, Any]) -> None:
    for name in PLAIN_FIELDS:
        if name in definition:
            setattr(agent, name, definition[name])
    agent.save()
    if "models" in definition:
        _write_models(agent, principal, definition["models"])
    if "knowledge_bases" in definition:
        _write_knowledge(agent, principal, definition["knowledge_bases"])
    _refuse_shared_vault(agent)
    author = User.objects.filter(pk=principal.user_id).first()
    AgentVersion.objects.create(agent=agent, number=agent.version, definition=agent.definition(), author=author)


def _write_models(agent: Agent, principal: Principal, models: list[dict[str, str]]) -> None:
    platforms = _platforms(principal)
    unknown = [entry["platform"] for entry in models if entry["platform"] not in platforms]
    if unknown:
        raise InvalidInput(fields={"models": [f"There is no platform named {', '.join(unknown)}."]})
    agent.models.all().delete()
    AgentModel.objects.bulk_create(
        AgentModel(
            agent=agent, position=position, platform_id=platforms[entry["platform"]], model=entry.get("model", "")
        )
        for position, entry in enumerate(models)
    )


def _write_knowledge(agent: Agent, principal: Principal, base_ids: Sequence[UUID]) -> None:
    """The bases in order; those that somebody else has given it, and this person may not see, stay behind them."""
    visible = set(KnowledgeBase.objects.visible_to(principal).filter(pk__in=base_ids).values_list("pk", flat=True))
    if unknown := [str(base_id) for base_id in base_ids if base_id not in visible]:
        raise InvalidInput(fields={"knowledge_bases": [f"There is no knowledge base {', '.join(unknown)}."]})
    hidden = agent.knowledge.exclude(pk__in=agent.knowledge.visible_to(principal).values("pk"))
    wanted = [*dict.fromkeys(base_ids), *hidden.values_list("base_id", flat=True)]
    agent.knowledge.all().delete()
    AgentKnowledge.objects.bulk_create(
        AgentKnowledge(agent=agent, position=position, base_id=base_id) for position, base_id in enumerate(wanted)
    )


def _refuse_shared_vault(agent: Agent) -> None:
    """An agent that answers from somebody's vault is listed for them alone."""
    vaults = agent.knowledge.filter(base__visibility=KnowledgeVisibility.PRIVATE)
    if agent.visibility != AgentVisibility.PRIVATE and vaults.exists():
        raise InvalidInput(
            fields={"knowledge_bases": ["An agent with a private knowledge base has to be private as well."]}
        )


def _platforms(principal: Principal) -> dict[str, UUID]:
    """By name; where the team and the installation use the same one, the team's."""
    rows = AIPlatform.objects.visible_to(principal)
    return {row.platform_name: row.pk for row in sorted(rows, key=lambda row: row.team_id is not None)}
