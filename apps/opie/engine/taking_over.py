"""A person of the team answers instead of the agent, and hands the conversation back. Sync.

It is a visitor's of a widget, or anybody's who has asked for a person: that opens their conversation to those of the team
who may answer customers, and handing back closes it again. While somebody has it, `opening` stores what is written and
calls nobody. Each deed is audited.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.accounts.audit import record
from apps.accounts.models import AuditEntry, Membership, Role
from apps.accounts.permissions import Permission, Reach, reach_of
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotAllowed, NotFound
from apps.opie.engine import recording
from apps.opie.engine.opening import BUSY
from apps.opie.engine.queue import leave_line_to_person
from apps.opie.engine.saying import say, shown_name_of
from apps.opie.engine.settling import Ending, settle
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.messages import ANSWERED_BY, PERSON, MessageRole
from apps.opie.models.runs import RunStatus

VIEW_LASTS = timedelta(minutes=15)
_VIEW = "support.view"


def support_session(principal: Principal, session_id: UUID) -> AgentOSSession:
    """A conversation of the team's widgets, those that are gone among them, or one whose person asked for somebody. Raises
    NotAllowed for who may not answer customers, and NotFound."""
    if not principal.may(Permission.ANSWER_CUSTOMERS):
        raise NotAllowed
    found = AgentOSSession.objects.for_support(principal).select_related("agent", "widget", "taken_over_by", "user")
    session = found.filter(pk=session_id).first()
    if session is None:
        raise _no_such_conversation()
    return session


def note_view(principal: Principal, session: AgentOSSession) -> None:
    """Somebody reads what another wrote: audited once in a while, for a page that is open reads on by itself."""
    since = timezone.now() - VIEW_LASTS
    seen = AuditEntry.objects.filter(actor_id=principal.user_id, action=_VIEW, object_id=str(session.pk), at__gt=since)
    if not seen.exists():
        record(principal, _VIEW, session)


@transaction.atomic
def take_over(principal: Principal, session_id: UUID) -> AgentOSSession:
    """From here on this person answers. What an agent is writing is stopped; what waited is left to the person.

    Taking over what one has already changes nothing. Raises Conflict (`taken_over`) while somebody else has it.
    """
    session = _locked(principal, session_id)
    if session.taken_over_by_id == principal.user_id:
        return session
    if session.taken_over_by is not None:
        raise _held(session)
    _stop_the_agent(session)
    session.refresh_from_db(fields=["head", "message_count"])
    session.taken_over_by_id, session.taken_over_at, session.person_asked_at = principal.user_id, timezone.now(), None
    session.save(update_fields=["taken_over_by", "taken_over_at", "person_asked_at", "updated_at"])
    record(principal, "support.take_over", session)
    return session


@transaction.atomic
def hand_back(principal: Principal, session_id: UUID) -> AgentOSSession:
    """The agent answers again, knowing all that was said. Anyone who may answer customers may do it, so that no
    conversation stays with somebody who has gone home. Harmless for one that nobody has."""
    session = _locked(principal, session_id)
    if session.taken_over_by_id is not None:
        record(principal, "support.hand_back", session, before={"taken_over_by": str(session.taken_over_by_id)})
        session.taken_over_by, session.taken_over_at = None, None
        session.save(update_fields=["taken_over_by", "taken_over_at", "updated_at"])
    return session


@transaction.atomic
def reply(principal: Principal, session_id: UUID, text: str) -> AgentOSMessage:
    """Answer whoever writes here. Raises Conflict for who has not taken over, and while an agent's last words are stored."""
    session = _locked(principal, session_id)
    if session.taken_over_by_id is None:
        raise Conflict("The agent answers here. Take the conversation over first.", code="not_taken_over")
    if session.taken_over_by_id != principal.user_id:
        raise _held(session)
    if session.runs.live().filter(parent=None).exists():
        raise Conflict(BUSY, code="session_busy")
    name = shown_name_of(principal.user_id)
    message = say(session.pk, MessageRole.ASSISTANT, text, {ANSWERED_BY: PERSON, "name": name})
    record(principal, "support.reply", session, after={"message_id": str(message.pk)})
    return message


@transaction.atomic
def ask_for_person(principal: Principal, session_id: UUID) -> AgentOSSession:
    """Whoever writes here would rather talk to somebody: the team sees it. Asking again changes nothing. Raises NotFound for
    another's conversation."""
    session = _own_locked(principal, session_id)
    if session.taken_over_by_id is None and session.person_asked_at is None:
        session.person_asked_at = timezone.now()
        session.save(update_fields=["person_asked_at", "updated_at"])
    return session


@transaction.atomic
def withdraw_person(principal: Principal, session_id: UUID) -> AgentOSSession:
    """Whoever asked does so no more, and the agent answers again, even where somebody has come already: what they opened
    they may close. Harmless where nobody was asked for. Raises NotFound for another's conversation."""
    session = _own_locked(principal, session_id)
    if session.taken_over_by_id is None and session.person_asked_at is None:
        return session
    if session.taken_over_by_id is not None:
        record(principal, "support.withdraw", session, before={"taken_over_by": str(session.taken_over_by_id)})
    session.taken_over_by, session.taken_over_at, session.person_asked_at = None, None, None
    session.save(update_fields=["taken_over_by", "taken_over_at", "person_asked_at", "updated_at"])
    return session


def somebody_may_come(principal: Principal) -> bool:
    """Whether anybody else of the team may answer customers."""
    if principal.team_id is None:
        return False
    roles = [role for role in Role if reach_of(role, Permission.ANSWER_CUSTOMERS) is not Reach.NO]
    colleagues = Membership.objects.filter(team_id=principal.team_id, role__in=roles, user__is_active=True)
    return colleagues.exclude(user_id=principal.user_id).exists()


def _own_locked(principal: Principal, session_id: UUID) -> AgentOSSession:
    session = AgentOSSession.objects.visible_to(principal).select_for_update(no_key=True).filter(pk=session_id).first()
    if session is None:
        raise _no_such_conversation()
    return session


def _locked(principal: Principal, session_id: UUID) -> AgentOSSession:
    """Looks again once it is locked: what was handed back, or is not asked any more, is nobody's to answer. Raises
    Conflict (`widget_gone`) where the visitor has no way left to read what is said."""
    support_session(principal, session_id)
    found = AgentOSSession.objects.for_support(principal).filter(pk=session_id)
    session = found.select_for_update(no_key=True).first()
    if session is None:
        raise _no_such_conversation()
    if session.is_of_widget and session.widget_id is None:
        raise Conflict("Its widget is deleted: the visitor would not see an answer.", code="widget_gone")
    return session


def _no_such_conversation() -> NotFound:
    return NotFound("There is no such conversation.", code="session_not_found")


def _held(session: AgentOSSession) -> Conflict:
    holder = session.taken_over_by
    who = (holder.name or holder.email) if holder else "Somebody"
    return Conflict(f"{who} has this conversation.", code="taken_over")


def _stop_the_agent(session: AgentOSSession) -> None:
    live = AgentOSRun.objects.filter(session=session).live()
    live.filter(status=RunStatus.RUNNING, cancel_requested_at=None).update(cancel_requested_at=timezone.now())
    for run in live.filter(status=RunStatus.WAITING):
        settle(run.pk, Ending(RunStatus.CANCELLED), [], recording.last_number(run.pk) + 1)
    if not live.filter(status=RunStatus.RUNNING).exists():
        leave_line_to_person(session)  # else when what is being written has ended (queue.claim)
