"""A session to take away with what its answers took, as JSON. To bring it in again: agentos/conversation_export.py."""

from dataclasses import asdict
from typing import Any

from apps.opie.models import AgentOSSession
from apps.opie.web.transcript import Answer, Question, whole_transcript_of


def session_as_json(session: AgentOSSession) -> dict[str, Any]:
    """The session as data; figures that are unknown are null."""
    return {
        "session_id": session.pk,
        "title": session.title,
        "agent_id": session.agent.agent_id if session.agent else None,
        "created_at": session.created_at,
        "items": [_item(item) for item in whole_transcript_of(session).items],
    }


def _item(item: Question | Answer) -> dict[str, Any]:
    if isinstance(item, Question):
        return {"role": "user", "text": item.text, "created_at": item.asked_at}
    answer = asdict(item)
    for left_out in ("source", "question"):
        del answer[left_out]
    return {"role": "assistant", **answer}
