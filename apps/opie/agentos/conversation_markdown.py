"""A conversation to read: who said what in the branch that is shown, with the tools that were called. Sync."""

from collections.abc import Iterator, Sequence

from apps.opie.models import AgentOSMessage, AgentOSSession
from apps.opie.models.messages import ANSWERED_BY, PERSON, MessageRole


def conversation_as_markdown(session: AgentOSSession) -> str:
    """One query, however long it is."""
    said = AgentOSMessage.objects.filter(session=session).in_branch(session.head_id)
    rows = list(said.select_related("agent").order_by("number"))
    results = {row.tool_call_id: row for row in rows if row.role == MessageRole.TOOL}
    return "\n\n".join([f"# {session.title or 'Chat'}", *_pieces(rows, results)]) + "\n"


def _pieces(rows: Sequence[AgentOSMessage], results: dict[str, AgentOSMessage]) -> Iterator[str]:
    author = ""
    for row in rows:
        if row.role == MessageRole.USER:
            author = ""
            yield "## You"
            yield row.content
        elif row.role == MessageRole.ASSISTANT:
            if (name := _author_of(row)) != author:
                yield f"## {name}"
                author = name
            if row.content:
                # What is said for a failed answer is its error in words.
                yield f"*{row.content}*" if row.metadata.get("error") else row.content
            yield from (f"*{call['name']}: {_state_of(results.get(call['id']))}*" for call in row.tool_calls)


def _author_of(row: AgentOSMessage) -> str:
    if row.metadata.get(ANSWERED_BY) == PERSON:
        return f"{row.metadata.get('name', '')} (person)"
    return row.agent.name if row.agent else "Agent"


def _state_of(result: AgentOSMessage | None) -> str:
    if result is None:
        return "cancelled"
    return "failed" if result.tool_failed else "completed"
