"""Conversations as a file: JSON that can be brought in again (conversation_import.py), CSV for spreadsheets, and
Markdown to read; piece by piece, so that no file is ever held whole. Sync.

What an answer took stays in the books and is not in the file; neither is whom a conversation is verified for.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from apps.opie.agentos.conversation_markdown import conversation_as_markdown
from apps.opie.agentos.metrics_api import safe_cell
from apps.opie.models import AgentOSMessage, AgentOSSession

FORMAT, VERSION = "opie-conversations", 1
# In a session's metadata: the id it had in the file that it came from.
IMPORTED_FROM = "imported_from"
# In a message's: what a vendor left for itself, to be sent back to it. It says nothing to anybody else.
PROVIDER_DATA = "provider_data"
AT_A_TIME = 100
CSV_COLUMNS = [
    "conversation_id", "title", "user", "team", "number", "role", "agent_id", "status", "content", "reaction", "reason",
    "created_at",
]  # fmt: skip


def conversations_of(
    user_id: UUID | None = None,
    team_id: UUID | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> QuerySet[AgentOSSession]:
    """Of a person, of a team, with the last word said in [since, before); oldest first."""
    sessions = AgentOSSession.objects.annotate(last_at=Coalesce("last_message_at", "created_at"))
    wanted = {"user_id": user_id, "team_id": team_id, "last_at__gte": since, "last_at__lt": before}
    return sessions.filter(**{name: value for name, value in wanted.items() if value}).order_by("created_at", "id")


def in_turn(sessions: QuerySet[AgentOSSession]) -> Iterator[AgentOSSession]:
    """Each of them, read a hundred at a time; one that is deleted meanwhile is passed over."""
    wanted = list(sessions.values_list("pk", flat=True))
    for start in range(0, len(wanted), AT_A_TIME):
        piece = wanted[start : start + AT_A_TIME]
        found = AgentOSSession.objects.select_related("user", "team", "agent").in_bulk(piece)
        yield from (found[pk] for pk in piece if pk in found)


def as_json(sessions: Iterable[AgentOSSession]) -> Iterator[str]:
    """One object, conversation by conversation."""
    yield f'{{"format": "{FORMAT}", "version": {VERSION}, "conversations": ['
    for number, session in enumerate(sessions):
        yield (",\n" if number else "\n") + json.dumps(conversation_as_data(session), ensure_ascii=False)
    yield "\n]}\n"


def as_csv(sessions: Iterable[AgentOSSession]) -> Iterator[str]:
    """A line for each question and answer, of all branches."""
    writer = csv.DictWriter(_Handed(), CSV_COLUMNS, extrasaction="ignore")
    yield writer.writeheader()
    for session in sessions:
        about = {"title": session.title, "user": session.user.email, "team": session.team.slug}
        for message in _messages(session):
            if message.role == "user" or message.is_answer:
                row = about | message_as_data(message)
                row |= {"conversation_id": str(session.pk)} | (row.pop("reaction") or {"reaction": "", "reason": ""})
                # Of the message, and not of the reaction to it.
                row["created_at"] = message.created_at.isoformat()
                yield writer.writerow({name: safe_cell(str(row[name] or "")) for name in CSV_COLUMNS})


def as_markdown(sessions: Iterable[AgentOSSession]) -> Iterator[str]:
    """The branch that is shown of each, to read."""
    for number, session in enumerate(sessions):
        yield ("\n---\n\n" if number else "") + conversation_as_markdown(session)


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: how it is written, and what it is called."""

    write: Callable[[Iterable[AgentOSSession]], Iterator[str]]
    content_type: str
    extension: str


FORMATS: Mapping[str, Format] = {
    "json": Format(as_json, "application/json; charset=utf-8", "json"),
    "csv": Format(as_csv, "text/csv; charset=utf-8", "csv"),
    "markdown": Format(as_markdown, "text/markdown; charset=utf-8", "md"),
}


class _Handed:
    """A file for csv's writer that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def conversation_as_data(session: AgentOSSession) -> dict[str, Any]:
    """A conversation with all its branches, in plain JSON."""
    return {
        "id": str(session.pk),
        "user": session.user.email,
        "team": session.team.slug,
        "agent_id": session.agent.agent_id if session.agent else None,
        "title": session.title,
        "is_archived": session.is_archived,
        "when_busy": session.when_busy,
        "speaks_for_others": session.speaks_for_others,
        "metadata": {name: value for name, value in session.metadata.items() if name != IMPORTED_FROM},
        "head_id": _text(session.head_id),
        "created_at": session.created_at.isoformat(),
        "updated_at": session.updated_at.isoformat(),
        "last_message_at": session.last_message_at.isoformat() if session.last_message_at else None,
        "messages": [message_as_data(message) for message in _messages(session)],
    }


def message_as_data(message: AgentOSMessage) -> dict[str, Any]:
    """A message, with what its own person thought of it."""
    # Only whose conversation it is can react to it.
    reaction = next(iter(message.reactions.all()), None)
    return {
        "id": str(message.pk),
        "parent_id": _text(message.parent_id),
        "number": message.number,
        "role": message.role,
        "is_answer": message.is_answer,
        "status": message.status,
        "agent_id": message.agent.agent_id if message.agent else None,
        "content": message.content,
        "reasoning": message.reasoning,
        "tool_calls": message.tool_calls,
        "tool_call_id": message.tool_call_id,
        "tool_name": message.tool_name,
        "tool_failed": message.tool_failed,
        "tool_duration_ms": message.tool_duration_ms,
        "citations": message.citations,
        "metadata": {name: value for name, value in message.metadata.items() if name != PROVIDER_DATA},
        "created_at": message.created_at.isoformat(),
        "reaction": reaction
        and {
            "reaction": reaction.reaction,
            "reason": reaction.reason,
            "created_at": reaction.created_at.isoformat(),
            "updated_at": reaction.updated_at.isoformat(),
        },
    }


def _messages(session: AgentOSSession) -> Iterable[AgentOSMessage]:
    return session.messages.select_related("agent").prefetch_related("reactions").order_by("number")


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)
