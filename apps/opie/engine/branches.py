"""Branches of a session: which one is shown, and taking one along into a session of its own. Sync."""

from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import NotFound
from apps.api.ids import uuid7
from apps.opie.models import AgentOSMessage, AgentOSSession

# Each of a branch's messages is numbered above the one before it, so the highest number below is the newest end.
_NEWEST_END = """
    WITH RECURSIVE below AS (
        SELECT id, number FROM opie_agentosmessage WHERE id = %s AND session_id = %s
        UNION ALL
        SELECT message.id, message.number FROM opie_agentosmessage AS message JOIN below ON message.parent_id = below.id
    )
    SELECT id FROM below ORDER BY number DESC LIMIT 1
"""


def show_branch(session: AgentOSSession, message_id: UUID) -> None:
    """Show, and go on with, the newest branch through this message. Raises NotFound for one of another session."""
    head = newest_end(session, message_id)
    session.head_id = head
    AgentOSSession.objects.filter(pk=session.pk).update(head_id=head)


def newest_end(session: AgentOSSession, message_id: UUID) -> UUID:
    """The last message of the newest branch through this message. Raises NotFound for one of another session."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_END, [message_id, session.pk])
        found = cursor.fetchone()
    if found is None:
        raise NotFound("There is no such message.", code="message_not_found")
    end: UUID = found[0]
    return end


@transaction.atomic
def branch_off(principal: Principal, session_id: UUID, message_id: UUID) -> AgentOSSession:
    """A new session that begins with what was said up to a message, that one included; the old one stays as it is.

    What the answers took stays with the runs of the old session. Raises NotFound.
    """
    session = AgentOSSession.objects.visible_to(principal).filter(pk=session_id).first()
    if session is None:
        raise NotFound("There is no such session.", code="session_not_found")
    said = list(AgentOSMessage.objects.filter(session=session).in_branch(message_id).order_by("number"))
    if not said:
        raise NotFound("There is no such message.", code="message_not_found")
    made = AgentOSSession.objects.create(
        user_id=session.user_id,
        team_id=session.team_id,
        agent_id=session.agent_id,
        widget_id=session.widget_id,
        gone_widget=session.gone_widget,
        title=session.title,
        when_busy=session.when_busy,
        speaks_for_others=session.speaks_for_others,
        message_count=len(said),
        last_message_at=timezone.now(),
        metadata={"branched_from": {"session_id": str(session.pk), "message_id": str(message_id)}},
    )
    copies = _copies(said, made)
    said_at = [copy.created_at for copy in copies]
    AgentOSMessage.objects.bulk_create(copies)
    # Django gives new rows the time of now, whatever they say.
    for copy, moment in zip(copies, said_at, strict=True):
        copy.created_at = moment
    AgentOSMessage.objects.bulk_update(copies, ["created_at"], batch_size=500)
    made.head = copies[-1]
    made.save(update_fields=["head"])
    return made


def _copies(said: list[AgentOSMessage], session: AgentOSSession) -> list[AgentOSMessage]:
    parent: UUID | None = None
    copies = []
    for number, message in enumerate(said, 1):
        said_at = message.created_at
        message.pk, message.session, message.run = uuid7(), session, None
        message.number, message.parent_id, message.created_at = number, parent, said_at
        message._state.adding = True
        parent = message.pk
        copies.append(message)
    return copies
