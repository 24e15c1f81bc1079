"""Emptying a session that stays. Sync."""

from uuid import UUID

from django.db import transaction

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotFound
from apps.opie.models import AgentOSMessage, AgentOSSession, RunEventBatch


@transaction.atomic
def clear_history(principal: Principal, session_id: UUID) -> AgentOSSession:
    """Delete all that was said in a session, in every branch, and keep the session with its title, agent and whom it is
    verified for. Its runs stay, without their words: what they took belongs to the books, and figures still add up.

    Raises NotFound, and Conflict while an answer is being written.
    """
    session = AgentOSSession.objects.visible_to(principal).select_for_update().filter(pk=session_id).first()
    if session is None:
        raise NotFound("There is no such session.", code="session_not_found")
    if session.runs.live().exists():
        raise Conflict("An answer is being written in this session. Stop it first.", code="session_busy")
    AgentOSMessage.objects.filter(session=session).delete()
    # Events repeat every word of an answer.
    RunEventBatch.objects.filter(run__session=session).delete()
    session.head, session.message_count, session.last_message_at = None, 0, None
    session.metadata.pop("branched_from", None)
    session.save(update_fields=["head", "message_count", "last_message_at", "metadata", "updated_at"])
    return session
