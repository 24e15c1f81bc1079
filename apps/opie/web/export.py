"""A session to take away: everything that was said and what it took, as JSON or as Markdown."""

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


def session_as_markdown(session: AgentOSSession) -> str:
    """The session to read: who said what, with the tools that were called."""
    pieces = [f"# {session.title or 'Chat'}"]
    for item in whole_transcript_of(session).items:
        if isinstance(item, Question):
            pieces += ["## You", item.text]
        else:
            pieces += [f"## {item.agent_name or 'Agent'}", *_pieces(item)]
    return "\n\n".join(pieces) + "\n"


def _pieces(answer: Answer) -> list[str]:
    pieces = []
    for part in answer.parts:
        if part.tool:
            pieces.append(f"*{part.tool.name}: {part.tool.status}*")
        elif part.text:
            pieces.append(part.text)
    if answer.error:
        pieces.append(f"*{answer.error}*")
    return pieces


def _item(item: Question | Answer) -> dict[str, Any]:
    if isinstance(item, Question):
        return {"role": "user", "text": item.text, "created_at": item.asked_at}
    answer = asdict(item)
    for left_out in ("source", "question"):
        del answer[left_out]
    return {"role": "assistant", **answer}
