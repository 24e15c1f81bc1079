"""The statements that opening a run takes: written by hand, as every message waits for them, and kept by PostgreSQL."""

from typing import Any

from apps.api.statements import prepared_cursor

# One look for what most teams have none of.
RULES = """
    SELECT EXISTS (SELECT 1 FROM opie_budget WHERE team_id = %(team)s AND is_enabled),
           EXISTS (SELECT 1 FROM opie_limit WHERE team_id = %(team)s AND is_enabled AND parallel_runs IS NOT NULL)
"""
# AgentOSSessionQuerySet.visible_to, locked.
LOCK_SESSION = """
    SELECT team_id, title, head_id, message_count, when_busy, taken_over_by_id FROM opie_agentossession
    WHERE id = %(session)s AND user_id = %(user)s AND team_id = %(team)s FOR NO KEY UPDATE
"""
LIVE_RUNS = """
    SELECT id, status, heartbeat_at FROM opie_agentosrun
    WHERE session_id = %(session)s AND status IN ('pending', 'running', 'waiting') AND parent_id IS NULL
"""
_INSERT_RUN = """
    INSERT INTO opie_agentosrun (id, session_id, question_id, user_id, team_id, api_key_id, agent_id, agent_version,
        status, is_background, schedule_id, attempt, most_attempts, input, paused_state, context, error_code, error_message,
        created_at, started_at, heartbeat_at)
    VALUES (%(run)s, %(session)s, %(question)s, %(user)s, %(team)s, %(key)s, %(agent)s, %(version)s,
        %(status)s, %(is_background)s, %(schedule)s, 1, %(most_attempts)s, %(input)s, %(paused)s, '{}', '', '',
        %(now)s, %(begun)s, %(begun)s)
"""
_INSERT_SESSION = """
    INSERT INTO opie_agentossession (id, user_id, team_id, agent_id, title, head_id, when_busy, is_archived, metadata,
        message_count, created_at, updated_at, last_message_at, widget_id)
    VALUES (%(session)s, %(user)s, %(team)s, %(agent_of_session)s, %(title)s, %(head)s, 'queue', false, '{}',
        %(last_number)s, %(now)s, %(now)s, %(now)s, (SELECT widget_id FROM opie_widgetvisitor WHERE user_id = %(user)s))
"""
_UPDATE_SESSION = """
    UPDATE opie_agentossession SET message_count = %(last_number)s, title = %(title)s, head_id = %(head)s,
        agent_id = COALESCE(%(agent_of_session)s::uuid, agent_id), last_message_at = %(now)s, updated_at = %(now)s
    WHERE id = %(session)s
"""
_INSERT_QUESTION = """
    INSERT INTO opie_agentosmessage (id, session_id, run_id, number, parent_id, role, is_answer, status, agent_id,
        content, reasoning, tool_calls, tool_call_id, tool_name, tool_failed, citations, metadata, created_at)
    VALUES (%(question)s, %(session)s, %(run)s, %(last_number)s, %(parent)s, 'user', false, 'complete', %(agent)s,
        %(text)s, '', '[]', '', '', false, '[]', '{}', %(now)s)
"""


def insert_opened(values: dict[str, Any]) -> None:
    """Write the run, and, in a session, the question and what the session has to know of them: one statement."""
    parts = [_INSERT_RUN]
    if values["session"] is not None:
        parts.append(_INSERT_SESSION if values["makes_session"] else _UPDATE_SESSION)
    if values["asks"]:
        parts.append(_INSERT_QUESTION)
    if values["beside"]:
        parts.append(values["beside"])
    names = [f"part{number} AS ({part})" for number, part in enumerate(parts)]
    with prepared_cursor() as cursor:
        cursor.execute(f"WITH {', '.join(names)} SELECT 1", values)
