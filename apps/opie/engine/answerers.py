"""Who in a team gave an answer: by agent_id, and by the name that people are shown. Sync."""

from collections.abc import Iterable, Sequence
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
    unknown = [
        answer for answer in answers if not noted[answer.pk] and answer.agent and answer.agent.kind == AgentKind.TEAM
    ]
    members = _members_asked_for(unknown) if unknown else {}
    return {
        answer.pk: noted[answer.pk] or members.get(answer.pk) or answer.agent.agent_id
        for answer in answers
        if answer.agent is not None
    }


def _members_asked_for(answers: Sequence[AgentOSMessage]) -> dict[UUID, str]:
    """The member that the leader asked last, by answer. One query."""
    asking = Q(tool_calls__contains=[{"name": DELEGATING}]) | Q(role=MessageRole.TOOL, tool_name=DELEGATING)
    of_runs = Q(run__in={answer.run_id for answer in answers} - {None})
    copied = Q(session__in={answer.session_id for answer in answers if answer.run_id is None}, run=None)
    wanted = asking & of_runs | (asking | Q(role=MessageRole.USER)) & copied
    said = list(AgentOSMessage.objects.filter(wanted).order_by("number"))
    return {answer.pk: answered_by({}, tools_of(_said_for(answer, said))) for answer in answers}


def _said_for(answer: AgentOSMessage, said: Iterable[AgentOSMessage]) -> list[AgentOSMessage]:
    """Of those messages, the ones behind this answer: its run's; of a copy, whose run stayed elsewhere, those since the
    question before it."""
    if answer.run_id is not None:
        return [one for one in said if one.run_id == answer.run_id]
    behind: list[AgentOSMessage] = []
    for one in said:
        if one.run_id is None and one.session_id == answer.session_id and one.number < answer.number:
            behind = [] if one.role == MessageRole.USER else [*behind, one]
    return behind


def members_who_spoke(team_id: UUID, said: Iterable[AgentOSMessage]) -> dict[UUID, str]:
    """The name of whoever in a team answered, by the last message of each answer.

    `said` are messages in order, those of tools among them. Who answers for themselves is not named. One query, and none
    where only agents by themselves answered.
    """
    spoke = {
        last: agent_id
        for its in _answers_in(said)
        if (last := its[-1]) and (agent_id := answered_by(last.metadata, tools_of(its)))
    }
    if not spoke:
        return {}
    found = Agent.objects.filter(Q(team=team_id) | Q(team=None), agent_id__in=set(spoke.values()))
    known = {agent_id: (pk, name) for pk, agent_id, name in found.values_list("pk", "agent_id", "name")}
    return {
        last.pk: known[agent_id][1]
        for last, agent_id in spoke.items()
        if agent_id in known and known[agent_id][0] != last.agent_id
    }


def _answers_in(said: Iterable[AgentOSMessage]) -> list[list[AgentOSMessage]]:
    """The messages of each answer: those of one run, or, where they were copied from another session and their runs stayed
    there, those between two questions."""
    answers: list[list[AgentOSMessage]] = []
    of_run: dict[UUID, list[AgentOSMessage]] = {}
    copied: list[AgentOSMessage] = []
    for message in said:
        if message.role == MessageRole.USER:
            copied = []
        elif message.run_id is None:
            if not copied:
                answers.append(copied)
            copied.append(message)
        elif message.run_id in of_run:
            of_run[message.run_id].append(message)
        else:
            of_run[message.run_id] = [message]
            answers.append(of_run[message.run_id])
    return answers
