"""Figures of conversations: how many, how long, with whom and when; one person's, or the team's for who may see those."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import NotAllowed
from apps.opie.metrics.usage import UsageQuestion, report_usage
from apps.opie.models import Agent
from apps.opie.models.usage import in_reach

MOST_FAVOURITES = 5
UNITS = ("day", "week", "month", "year")

# Whose, and begun before the end of the time that is asked for.
_CANDIDATES = """
    WITH candidates AS (
        SELECT id, user_id, is_archived, created_at,
            (%(since)s::timestamptz IS NULL OR created_at >= %(since)s) AS began_in_it
        FROM opie_agentossession
        WHERE team_id = %(team)s AND (%(user)s::uuid IS NULL OR user_id = %(user)s)
            AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
    )
"""
# Messages are read once, and added up by conversation, agent and day: what a person reads, questions and answers, and
# not the rounds of tools between them.
_FIGURES = """
    , parts AS MATERIALIZED (
        SELECT m.session_id, CASE WHEN m.is_answer THEN m.agent_id END AS agent,
            (m.created_at AT TIME ZONE 'UTC')::date AS day, COUNT(*) AS messages,
            MIN(m.created_at) AS first, MAX(m.created_at) AS last
        FROM opie_agentosmessage m JOIN candidates c ON c.id = m.session_id
        WHERE (m.role = 'user' OR m.is_answer)
            AND (%(since)s::timestamptz IS NULL OR m.created_at >= %(since)s)
            AND (%(until)s::timestamptz IS NULL OR m.created_at < %(until)s)
        GROUP BY 1, 2, 3
    ), thumbs AS (
        -- What those whose conversations they are thought of the answers.
        SELECT m.agent_id AS agent, COUNT(*) FILTER (WHERE x.reaction = 'thumbs_up') AS up,
            COUNT(*) FILTER (WHERE x.reaction = 'thumbs_down') AS down
        FROM candidates c
        JOIN opie_messagereaction x ON x.user_id = c.user_id
        JOIN opie_agentosmessage m ON m.id = x.message_id AND m.session_id = c.id
        WHERE m.is_answer
            AND (%(since)s::timestamptz IS NULL OR m.created_at >= %(since)s)
            AND (%(until)s::timestamptz IS NULL OR m.created_at < %(until)s)
        GROUP BY 1
    ), spoken AS (
        SELECT session_id, SUM(messages) AS messages, EXTRACT(EPOCH FROM MAX(last) - MIN(first)) AS seconds
        FROM parts GROUP BY 1
    ), totals AS (
        SELECT COUNT(*) AS conversations, COUNT(*) FILTER (WHERE c.is_archived) AS archived,
            COALESCE(SUM(s.messages), 0)::bigint AS messages,
            round((percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds))::numeric, 1) AS session_seconds_median
        FROM candidates c LEFT JOIN spoken s ON s.session_id = c.id
        WHERE c.began_in_it OR s.session_id IS NOT NULL
    ), agents AS (
        SELECT a.agent_id, a.name, COUNT(DISTINCT p.session_id) AS conversations, SUM(p.messages)::bigint AS answers,
            COALESCE(t.up, 0) AS thumbs_up, COALESCE(t.down, 0) AS thumbs_down
        FROM parts p JOIN opie_agent a ON a.id = p.agent LEFT JOIN thumbs t ON t.agent = a.id
        GROUP BY a.id, t.up, t.down ORDER BY answers DESC, a.agent_id
    ), times AS (
        SELECT date_trunc(%(unit)s, day::timestamp)::date AS first_day, COUNT(DISTINCT session_id) AS conversations,
            SUM(messages)::bigint AS messages
        FROM (
            SELECT day, session_id, messages FROM parts
            UNION ALL SELECT (created_at AT TIME ZONE 'UTC')::date, id, 0 FROM candidates WHERE began_in_it
        ) happened
        GROUP BY 1 ORDER BY 1
    )
    SELECT (SELECT to_json(totals) FROM totals), (SELECT json_agg(agents) FROM agents), (SELECT json_agg(times) FROM times)
"""
_FIRST = "SELECT MIN(created_at) FROM candidates"


class Scope(StrEnum):
    """Whose conversations."""

    MINE = "mine"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class ConversationQuestion:
    """What is asked: a time [since, until), whose, and in which of UNITS it is told when they were."""

    since: datetime | None = None
    until: datetime | None = None
    scope: Scope = Scope.MINE
    unit: str = "day"


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
class ConversationsAt:
    """One day, week, month or year, named by its first day. A conversation counts in each in which it went on."""

    first_day: date
    conversations: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class ConversationFigures:
    """`session_seconds_median` is from the first message to the last, over conversations in which something was said;
    `times` are those in which there was anything, in order."""

    conversations: int
    archived: int
    messages: int
    session_seconds_median: float | None
    agents: tuple[AgentInConversations, ...]
    times: tuple[ConversationsAt, ...]
    usage: dict[str, dict[str, Any]]

    @property
    def messages_per_conversation(self) -> float | None:
        return round(self.messages / self.conversations, 2) if self.conversations else None

    @property
    def usage_by_agent(self) -> list[dict[str, Any]]:
        return [self._usage_of(agent) for agent in self.agents]

    def as_json(self) -> dict[str, Any]:
        return {
            "conversations": self.conversations,
            "archived": self.archived,
            "messages": self.messages,
            "messages_per_conversation": self.messages_per_conversation,
            "session_seconds_median": self.session_seconds_median,
            "usage_by_agent": self.usage_by_agent,
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


def may_see_team(principal: Principal) -> bool:
    """Whether the team's figures are open to this person: the right that usage and performance ask for."""
    return principal.reach(Permission.VIEW_METRICS) is Reach.YES


def conversation_figures(principal: Principal, question: ConversationQuestion) -> ConversationFigures:
    """Of the conversations that began or went on in that time, in two statements (three for the team's). Tokens and costs
    are all of theirs with an agent in that time, tasks included: the ledger's own sums. Raises NotAllowed for the
    team's where `may_see_team` does not hold."""
    asked = _asked(principal, question)
    with connection.cursor() as cursor:
        cursor.execute(f"{_CANDIDATES}{_FIGURES}", asked)
        totals, agents, times = cursor.fetchone()
    listed = tuple(AgentInConversations(**one) for one in agents or [])
    if question.scope is Scope.TEAM:
        listed = _with_names_that_may_be_seen(principal, listed)
    whose = {"user": principal.email} if question.scope is Scope.MINE else {}
    report = report_usage(principal, UsageQuestion("agent", question.since, question.until, whose))
    usage = {name: _with_total(sums.as_json()) for name, sums in report.groups}
    when = tuple(
        ConversationsAt(date.fromisoformat(one["first_day"]), one["conversations"], one["messages"])
        for one in times or []
    )
    return ConversationFigures(**totals, agents=listed, times=when, usage=usage)


def first_conversation_at(principal: Principal, scope: Scope) -> datetime | None:
    """When the first of them began. Raises NotAllowed as the figures do."""
    asked = _asked(principal, ConversationQuestion(scope=scope))
    with connection.cursor() as cursor:
        cursor.execute(f"{_CANDIDATES}{_FIRST}", asked)
        first: datetime | None = cursor.fetchone()[0]
    return first


def _asked(principal: Principal, question: ConversationQuestion) -> dict[str, Any]:
    if question.scope is Scope.TEAM and not may_see_team(principal):
        raise NotAllowed("Only those who may see the team's figures see those of its conversations.")
    return {
        "user": principal.user_id if question.scope is Scope.MINE else None,
        "team": principal.team_id,
        "since": question.since and in_reach(question.since),
        "until": question.until and in_reach(question.until),
        "unit": question.unit,
    }


def _with_names_that_may_be_seen(
    principal: Principal, agents: Iterable[AgentInConversations]
) -> tuple[AgentInConversations, ...]:
    """Of a colleague's private agent only the id is told, as in the usage of the team."""
    listed = list(agents)
    seen = Agent.objects.visible_to(principal).filter(agent_id__in=[one.agent_id for one in listed])
    names = dict(seen.values_list("agent_id", "name"))
    return tuple(replace(one, name=names.get(one.agent_id, one.agent_id)) for one in listed)


def _with_total(totals: dict[str, Any]) -> dict[str, Any]:
    return totals | {"total_tokens": totals["input_tokens"] + totals["output_tokens"]}
