"""Who in a team gave an answer: by agent_id, and by the name that people are shown. Sync."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import Q

from apps.opie.engine.outcome import DELEGATING, answered_by, tools_of
from apps.opie.models import Agent, AgentOSMessage
from apps.opie.models.agents import AgentKind
from apps.opie.models.messages import MessageRole


def answerers_of(messages: Sequence[AgentOSMessage]) -> dict[UUID, str]:
    """The agent_id of whoever gave the answers among these messages, whose agents are at hand, by message.

    An answer that no agent gave has none. At most one query, and none where no team answered or all is noted.
    """
    answers = [message for message in messages if message.is_answer and message.agent is not None]
    noted = {answer.pk: answered_by(answer.metadata, []) for answer in answers}
    asked_members = {
        answer.run_id
        for answer in answers
        if answer.run_id and not noted[answer.pk] and answer.agent and answer.agent.kind == AgentKind.TEAM
    }
    members = _members_asked_in(asked_members) if asked_members else {}
    return {
        answer.pk: noted[answer.pk] or members.get(answer.run_id) or answer.agent.agent_id
        for answer in answers
        if answer.agent is not None
    }


def _members_asked_in(runs: Iterable[UUID]) -> dict[UUID | None, str]:
    """The member that the leader asked last, by run. One query."""
    asking = Q(tool_calls__contains=[{"name": DELEGATING}]) | Q(role=MessageRole.TOOL, tool_name=DELEGATING)
    said: dict[UUID | None, list[AgentOSMessage]] = {}
    for message in AgentOSMessage.objects.filter(asking, run__in=runs).order_by("number"):
        said.setdefault(message.run_id, []).append(message)
    return {run_id: answered_by({}, tools_of(its)) for run_id, its in said.items()}


def members_who_spoke(team_id: UUID, said: Iterable[AgentOSMessage], leaders: Mapping[UUID, str]) -> dict[UUID, str]:
    """The name of whoever in a team answered, by run.

    `said` are messages in order, those of tools among them; `leaders` the agent_id of each run that counts: who answers
    for themselves is not named. One query, and none where only agents by themselves answered.
    """
    of_runs: dict[UUID, list[AgentOSMessage]] = {}
    for message in said:
        if message.run_id is not None and message.run_id in leaders and message.role != MessageRole.USER:
            of_runs.setdefault(message.run_id, []).append(message)
    spoke = {
        run_id: agent_id
        for run_id, its in of_runs.items()
        if (agent_id := answered_by(its[-1].metadata, tools_of(its)))
    }
    if not spoke:
        return {}
    found = Agent.objects.filter(Q(team=team_id) | Q(team=None), agent_id__in=set(spoke.values()))
    names = dict(found.values_list("agent_id", "name"))
    return {
        run_id: names[agent_id]
        for run_id, agent_id in spoke.items()
        if agent_id in names and leaders[run_id] != agent_id
    }
