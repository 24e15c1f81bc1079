"""Who in a team gave an answer, by the name that people are shown. Sync."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Q

from apps.opie.engine.outcome import answered_by, tools_of
from apps.opie.models import Agent, AgentOSMessage
from apps.opie.models.messages import MessageRole


def members_who_spoke(team_id: UUID, said: Iterable[AgentOSMessage], leaders: Mapping[UUID, str]) -> dict[UUID, str]:
    """The name of whoever in a team answered, by run.

    `said` are messages in order, those of tools among them; `leaders` the agent_id of each run that counts: who answers
    for themselves is not named. One query, and none where only agents by themselves answered.
    """
    of_runs: dict[UUID, list[AgentOSMessage]] = {}
    for message in said:
        if message.run_id is not None and message.run_id in leaders and message.role != MessageRole.USER:
            of_runs.setdefault(message.run_id, []).append(message)
    spoke = {run_id: agent_id for run_id, its in of_runs.items() if (agent_id := answered_by(its[-1], tools_of(its)))}
    if not spoke:
        return {}
    found = Agent.objects.filter(Q(team=team_id) | Q(team=None), agent_id__in=set(spoke.values()))
    names = dict(found.values_list("agent_id", "name"))
    return {
        run_id: names[agent_id]
        for run_id, agent_id in spoke.items()
        if agent_id in names and leaders[run_id] != agent_id
    }
