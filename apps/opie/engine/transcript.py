"""Messages between Agno's shape and ours: the one place that knows both."""

import json
from collections.abc import Iterable
from typing import Any

from agno.models.message import Message

from apps.opie.engine.observer import Observation, ToolCall
from apps.opie.models import AgentOSMessage
from apps.opie.models.messages import MessageRole
from apps.opie.storable import clean_json, clean_text

# What the columns of tool_call_id and tool_name hold.
LONGEST_NAME = 200


def rows_of(messages: Iterable[Message]) -> list[AgentOSMessage]:
    """Unsaved rows for what an agent and its tools said: everything but system and user messages, in order.
    The last assistant message without tool calls is the answer."""
    rows = [_row_of(message) for message in messages if message.role in ("assistant", "tool")]
    for row in reversed(rows):
        if row.role == MessageRole.ASSISTANT and not row.tool_calls:
            row.is_answer = True
            break
    return rows


def rows_of_observation(seen: Observation) -> list[AgentOSMessage]:
    """Unsaved rows for a run that did not come to its end: the tool calls that finished, then the text there is."""
    rows: list[AgentOSMessage] = []
    for call in seen.tool_calls.values():
        if call.duration_ms is not None:
            rows += _rows_of_call(call)
    rows.append(AgentOSMessage(role=MessageRole.ASSISTANT, content=seen.text, reasoning=seen.reasoning, is_answer=True))
    return rows


def messages_of(rows: Iterable[AgentOSMessage]) -> list[Message]:
    """Agno messages for a model's history, from rows in order."""
    return [_message_of(row) for row in rows]


def _row_of(message: Message) -> AgentOSMessage:
    if message.role == "tool":
        return AgentOSMessage(
            role=MessageRole.TOOL,
            content=clean_text(message.get_content_string()),
            tool_call_id=clean_text(message.tool_call_id or "")[:LONGEST_NAME],
            tool_name=clean_text(message.tool_name or message.name or "")[:LONGEST_NAME],
            tool_failed=bool(message.tool_call_error),
        )
    return AgentOSMessage(
        role=MessageRole.ASSISTANT,
        content=clean_text(message.get_content_string()),
        reasoning=clean_text(message.reasoning_content or ""),
        tool_calls=[_tool_call_as_json(call) for call in message.tool_calls or []],
        metadata=_provider_data_of(message),
    )


def _rows_of_call(call: ToolCall) -> list[AgentOSMessage]:
    asked = {"id": call.id[:LONGEST_NAME], "name": call.name, "arguments": call.arguments}
    return [
        AgentOSMessage(role=MessageRole.ASSISTANT, tool_calls=[asked]),
        AgentOSMessage(
            role=MessageRole.TOOL,
            content=call.result,
            tool_call_id=call.id[:LONGEST_NAME],
            tool_name=call.name[:LONGEST_NAME],
            tool_failed=call.failed,
            tool_duration_ms=call.duration_ms,
        ),
    ]


def _tool_call_as_json(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except json.JSONDecodeError:
            arguments = {"unreadable": arguments}
    asked: dict[str, Any] = clean_json(
        {
            "id": str(call.get("id") or "")[:LONGEST_NAME],
            "name": function.get("name") or "",
            "arguments": arguments if isinstance(arguments, dict) else {"unreadable": arguments} if arguments else {},
        }
    )
    return asked


def _provider_data_of(message: Message) -> dict[str, Any]:
    # Some vendors want signatures of their reasoning back with the next turn.
    if not message.provider_data:
        return {}
    try:
        return {"provider_data": clean_json(json.loads(json.dumps(message.provider_data)))}
    except TypeError:
        return {}


def _message_of(row: AgentOSMessage) -> Message:
    if row.role == MessageRole.TOOL:
        return Message(
            role="tool",
            content=row.content,
            tool_call_id=row.tool_call_id,
            tool_name=row.tool_name,
            name=row.tool_name,
            tool_call_error=row.tool_failed,
            created_at=int(row.created_at.timestamp()),
        )
    calls = [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
        }
        for call in row.tool_calls
    ]
    return Message(
        role=row.role,
        content=row.content or None,
        tool_calls=calls or None,
        reasoning_content=row.reasoning or None,
        provider_data=row.metadata.get("provider_data"),
        created_at=int(row.created_at.timestamp()),
    )
