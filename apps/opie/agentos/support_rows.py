"""Conversations that a person may answer, as both sides read them: what was said, by whom, and how it stands."""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from apps.accounts.models import User
from apps.accounts.principal import Principal
from apps.opie.engine.answerers import members_who_spoke
from apps.opie.engine.saying import shown_name
from apps.opie.engine.verifying import MOST_TRIES
from apps.opie.models import AgentOSMessage, AgentOSSession, MessageReaction, SessionVerification
from apps.opie.models.messages import ANSWERED_BY, PERSON, MessageRole
from apps.opie.models.runs import RunStatus
from apps.opie.models.sessions import AgentOSSessionQuerySet

State = Literal["agent", "waits", "taken_over", "closed"]
MOST_READ = 200
MOST_COUNTED = 99
# Its widget is gone: the visitor would not see an answer.
IS_CLOSED = Q(widget=None) & ~Q(gone_widget="")


def support_sessions(principal: Principal, search: str = "", state: str = "") -> AgentOSSessionQuerySet:
    """The team's, those first in which something happened last. `gave_up` on those where nobody could be verified."""
    gave_up = SessionVerification.objects.filter(session=OuterRef("pk"), verified_at=None, failed_tries__gte=MOST_TRIES)
    sessions = (
        AgentOSSession.objects.for_support(principal)
        .filter(message_count__gt=0)
        .containing_for_support(search)
        .annotate(gave_up=Exists(gave_up))
        .select_related("agent", "widget", "taken_over_by", "user")
    )
    waits = Q(taken_over_by=None) & (Q(person_asked_at__isnull=False) | Q(gave_up=True))
    if state:
        sessions = sessions.filter(IS_CLOSED if state == "closed" else ~IS_CLOSED)
    if state == "waits":
        sessions = sessions.filter(waits)
    elif state == "taken_over":
        sessions = sessions.filter(taken_over_by__isnull=False)
    elif state == "agent":
        sessions = sessions.filter(taken_over_by=None).exclude(waits)
    return sessions.order_by("-updated_at", "-id")


def waiting_chats(principal: Principal) -> int:
    """How many chats there are in which a person is asked for and nobody has come; 99 stand for more."""
    waiting = AgentOSSession.objects.for_support(principal).filter(person_asked_at__isnull=False, message_count__gt=0)
    waiting = waiting.exclude(IS_CLOSED)
    return waiting[:MOST_COUNTED].count()


def state_of(session: AgentOSSession) -> State:
    """Who is to answer next: the agent, somebody (who has not come yet), the person who has it; nobody, as the widget is
    gone. A visitor who could not be verified waits too; others where they have asked."""
    if session.is_of_widget and session.widget_id is None:
        return "closed"
    if session.taken_over_by_id is not None:
        return "taken_over"
    if not session.is_of_widget:
        return "agent" if session.person_asked_at is None else "waits"
    gave_up = getattr(session, "gave_up", None)
    if gave_up is None:
        gave_up = session.verifications.filter(verified_at=None, failed_tries__gte=MOST_TRIES).exists()
    return "waits" if session.person_asked_at is not None or gave_up else "agent"


def person_for_asker(session: AgentOSSession) -> dict[str, str]:
    """How it stands for whoever writes here: whether they wait for a person, or are answered by one, and by whom."""
    holder = session.taken_over_by
    if holder is not None:
        return {"state": "taken_over", "name": shown_name(holder.name)}
    return {"state": "agent" if session.person_asked_at is None else "waits", "name": ""}


def session_for_staff(session: AgentOSSession) -> dict[str, Any]:
    holder = session.taken_over_by
    return {
        "id": str(session.pk),
        "title": session.title,
        "origin": "widget" if session.is_of_widget else "chat",
        "widget": _widget_of(session),
        "asked_by": None if session.is_of_widget else _colleague(session.user),
        "agent_id": session.agent.agent_id if session.agent else "",
        "state": state_of(session),
        "taken_over_by": _colleague(holder) if holder else None,
        "taken_over_at": _text(session.taken_over_at),
        "person_asked_at": _text(session.person_asked_at),
        "message_count": session.message_count,
        "created_at": _text(session.created_at),
        "updated_at": _text(session.updated_at),
        "is_writing": is_writing(session.pk),
    }


def _colleague(person: User) -> dict[str, str]:
    return {"id": str(person.pk), "name": person.name or person.email}


def _widget_of(session: AgentOSSession) -> dict[str, str | None]:
    if session.widget is None:
        return {"id": None, "name": session.gone_widget}
    return {"id": str(session.widget_id), "name": session.widget.name}


def is_writing(session_id: UUID) -> bool:
    """Whether an agent's answer is under way."""
    return AgentOSSession.objects.filter(
        pk=session_id, runs__status__in=(RunStatus.RUNNING, RunStatus.PENDING)
    ).exists()


def messages_after(
    session: AgentOSSession, number: int = 0, words: Callable[[AgentOSMessage], str] = attrgetter("content")
) -> list[dict[str, Any]]:
    """What a person reads of the conversation, after the message of that number; the newest of more than are read.
    `words` are what they may read of each."""
    said = AgentOSMessage.objects.filter(session=session, number__gt=number).in_branch(session.head_id)
    newest = list(said.shown().select_related("agent", "run").order_by("-number")[:MOST_READ])[::-1]
    whole = said if len(newest) < MOST_READ else said.filter(number__gte=newest[0].number)
    members = members_who_spoke(session.team_id, whole.order_by("number")) if newest else {}
    told = [message_as_json(message, members.get(message.pk)) | {"content": words(message)} for message in newest]
    if not session.is_of_widget and not session.speaks_for_others:
        asking = {"kind": "user", "name": _colleague(session.user)["name"]}
        told = [one | ({"by": asking} if one["by"]["kind"] == "visitor" else {}) for one in told]
    return told


def reactions_to(session: AgentOSSession) -> dict[str, dict[str, str]]:
    """What whoever writes here thought of the newest answers of the branch that is shown, by message: `reaction` and, where
    they said why, `reason`."""
    shown = AgentOSMessage.objects.filter(session=session).in_branch(session.head_id)
    kept = MessageReaction.objects.filter(message__in=shown, user_id=session.user_id)
    newest = kept.order_by("-message__number")[:MOST_READ]
    return {str(one.message_id): {"reaction": one.reaction, "reason": one.reason} for one in newest}


def message_as_json(message: AgentOSMessage, member: str | None = None) -> dict[str, Any]:
    """A message with who wrote it: the visitor, an agent or the member of a team by its name, or a person by theirs."""
    if message.role == MessageRole.USER:
        by = {"kind": "visitor", "name": ""}
    elif message.metadata.get(ANSWERED_BY) == PERSON:
        by = {"kind": "person", "name": str(message.metadata.get("name", ""))}
    else:
        by = {"kind": "agent", "name": member or _agents_name(message)}
    return {
        "id": str(message.pk),
        "number": message.number,
        "by": by,
        "content": message.content,
        "status": message.status,
        "created_at": _text(message.created_at),
    }


def _agents_name(message: AgentOSMessage) -> str:
    return message.agent.name if message.agent else ""


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
