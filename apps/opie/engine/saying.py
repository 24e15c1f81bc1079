"""Messages that belong to no run: what is said while a person, and no agent, answers. Sync."""

from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.opie.models import AgentOSMessage, AgentOSSession
from apps.opie.models.messages import MessageRole

# What is shown of a person who has given no name: never their address.
UNNAMED = "Support"


def shown_name(name: str) -> str:
    """What whoever is answered is told of the person who answers."""
    return name or UNNAMED


def shown_name_of(person_id: UUID) -> str:
    """The same by their id. One query."""
    return shown_name(User.objects.values_list("name", flat=True).get(pk=person_id))


def say(session_id: UUID, role: MessageRole, text: str, metadata: dict[str, Any]) -> AgentOSMessage:
    """Put a message without a run at the end of a session that is locked, and in which nothing is being written."""
    session = AgentOSSession.objects.get(pk=session_id)
    message = AgentOSMessage.objects.create(
        session=session,
        number=session.message_count + 1,
        parent_id=session.head_id,
        role=role,
        is_answer=role == MessageRole.ASSISTANT,
        content=text,
        metadata=metadata,
    )
    session.head, session.message_count, session.last_message_at = message, message.number, message.created_at
    session.save(update_fields=["head", "message_count", "last_message_at", "updated_at"])
    return message
