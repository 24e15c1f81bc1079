"""Figures of one person's conversations: how many, how long, and with whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.accounts.principal import Principal
from apps.opie.metrics.usage import UsageQuestion, report_usage
from apps.opie.models.usage import in_reach

MOST_FAVOURITES = 5

_MINE = """
    WITH mine AS (
        SELECT id, is_archived FROM opie_agentossession
        WHERE user_id = %(user)s AND team_id = %(team)s
            AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
            AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
    )
"""
# What a person reads: questions and answers, and not the rounds of tools between them.
_TOTALS = """
    , said AS (
        SELECT m.session_id, COUNT(*) AS messages,
            EXTRACT(EPOCH FROM MAX(m.created_at) - MIN(m.created_at)) AS seconds
        FROM opie_agentosmessage m JOIN mine ON mine.id = m.session_id
        WHERE m.role = 'user' OR m.is_answer
        GROUP BY m.session_id
    )
    SELECT (SELECT COUNT(*) FROM mine), (SELECT COUNT(*) FROM mine WHERE is_archived), COALESCE(SUM(messages), 0),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)
    FROM said
"""
_AGENTS = """
    SELECT a.agent_id, a.name, COUNT(DISTINCT m.session_id), COUNT(*),
        COUNT(*) FILTER (WHERE x.reaction = 'thumbs_up'), COUNT(*) FILTER (WHERE x.reaction = 'thumbs_down')
    FROM opie_agentosmessage m
    JOIN mine ON mine.id = m.session_id
    JOIN opie_agent a ON a.id = m.agent_id
    LEFT JOIN opie_messagereaction x ON x.message_id = m.id AND x.user_id = %(user)s
    WHERE m.is_answer
    GROUP BY a.id ORDER BY 4 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class AgentInConversations:
    """What one agent did in them."""

    agent_id: str
    name: str
    conversations: int
    answers: int
    thumbs_up: int
    thumbs_down: int


@dataclass(frozen=True, slots=True)
class ConversationFigures:
    """`session_seconds_median` is from the first message to the last, over conversations in which something was said."""

    conversations: int
    archived: int
    messages: int
    session_seconds_median: float | None
    agents: tuple[AgentInConversations, ...]
    usage: dict[str, dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        per_conversation = round(self.messages / self.conversations, 2) if self.conversations else None
        return {
            "conversations": self.conversations,
            "archived": self.archived,
            "messages": self.messages,
            "messages_per_conversation": per_conversation,
            "session_seconds_median": self.session_seconds_median,
            "usage_by_agent": [self._usage_of(agent) for agent in self.agents],
            "favourite_agents": [agent.agent_id for agent in self.agents[:MOST_FAVOURITES]],
        }

    def _usage_of(self, agent: AgentInConversations) -> dict[str, Any]:
        return {
            "agent_id": agent.agent_id,
            "name": agent.name,
            "conversations": agent.conversations,
            "answers": agent.answers,
            "thumbs_up": agent.thumbs_up,
            "thumbs_down": agent.thumbs_down,
            **{name: self.usage.get(agent.agent_id, {}).get(name) for name in ("calls", "total_tokens", "cost")},
        }


def conversation_figures(
    principal: Principal, since: datetime | None = None, until: datetime | None = None
) -> ConversationFigures:
    """Of this person's own conversations that began in [since, until), in three statements. Tokens and costs are all of
    theirs with an agent in that time, tasks included: the ledger's own sums."""
    asked = {
        "user": principal.user_id,
        "team": principal.team_id,
        "since": since and in_reach(since),
        "until": until and in_reach(until),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{_MINE}{_TOTALS}", asked)
        conversations, archived, messages, seconds = cursor.fetchone()
        cursor.execute(f"{_MINE}{_AGENTS}", asked)
        agents = tuple(AgentInConversations(*row) for row in cursor.fetchall())
    report = report_usage(principal, UsageQuestion("agent", since, until, {"user": principal.email}))
    usage = {name: _with_total(totals.as_json()) for name, totals in report.groups}
    median = None if seconds is None else round(float(seconds), 1)
    return ConversationFigures(conversations, archived, int(messages), median, agents, usage)


def _with_total(totals: dict[str, Any]) -> dict[str, Any]:
    return totals | {"total_tokens": totals["input_tokens"] + totals["output_tokens"]}
