"""What a reader thinks of an answer, kept beside it. Sync."""

from uuid import UUID

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotFound
from apps.opie.models import AgentOSMessage, MessageReaction


def react(principal: Principal, message_id: UUID, reaction: str, reason: str = "") -> MessageReaction:
    """Keep the reaction to an answer of one's own sessions, in place of an earlier one. Raises NotFound, and Conflict
    (`not_an_answer`) for what no agent said to the person."""
    message = _own(principal, message_id)
    if not message.is_answer:
        raise Conflict("Only answers can be reacted to.", code="not_an_answer")
    kept, _ = MessageReaction.objects.update_or_create(
        message=message, user_id=principal.user_id, defaults={"reaction": reaction, "reason": reason.strip()}
    )
    return kept


def take_back(principal: Principal, message_id: UUID) -> None:
    """Without a reaction there is nothing to do. Raises NotFound for a message that is not one's own."""
    MessageReaction.objects.visible_to(principal).filter(message=_own(principal, message_id)).delete()


def _own(principal: Principal, message_id: UUID) -> AgentOSMessage:
    message = AgentOSMessage.objects.visible_to(principal).filter(pk=message_id).first()
    if message is None:
        raise NotFound("There is no such message.", code="message_not_found")
    return message
