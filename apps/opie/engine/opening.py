"""What is written before an agent is called: the question and the run, in one transaction. Sync.

A run begins at once, or waits: for its turn, when another answer is being written in its session, or for the worker.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotFound
from apps.api.ids import uuid7
from apps.opie.engine import recording
from apps.opie.engine.settling import Ending, interrupt, settle
from apps.opie.ledger.budgets import refuse_when_spent
from apps.opie.limits.admission import admit_run
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.messages import MessageRole
from apps.opie.models.runs import RunStatus
from apps.opie.models.sessions import WhenBusy

TITLE_LENGTH = 60
MOST_WAITING = 20
BUSY = "An answer is being written in this session. Wait for it, or stop it first."


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, and where: in a session of the person's, in a new one, or on its own.

    `regenerate_of` and `edit_of` name a message in whose place a branch begins; the first needs no text. `may_wait` is
    false for callers that cannot wait for their turn. `may_be_free` lets a spent budget pass to a platform without cost.
    """

    text: str = ""
    session_id: UUID | None = None
    new_session_id: UUID | None = None
    run_id: UUID | None = None
    regenerate_of: UUID | None = None
    edit_of: UUID | None = None
    on_its_own: bool = False
    in_background: bool = False
    schedule_id: UUID | None = None
    most_attempts: int = 1
    may_wait: bool = True
    may_be_free: bool = False


@dataclass(frozen=True, slots=True)
class OpenedTurn:
    """What is in the rows before the agent is called. `session_id` is None for a run on its own; `last_event` is the
    number of the last event that is there already."""

    run_id: UUID
    session_id: UUID | None
    title: str
    text: str
    status: RunStatus
    question_id: UUID | None = None
    last_event: int = 0


@dataclass(slots=True)
class _Question:
    """The message that a run answers: a new one, or one that is there already."""

    id: UUID
    text: str
    parent_id: UUID | None
    is_new: bool = True


def open_turn(principal: Principal, agent: Agent, ask: Ask) -> OpenedTurn:
    """Store the question and the run, both before anything is called.

    Raises NotFound for a session or a message that is not this person's and for an agent that was deleted meanwhile,
    Conflict where the session is busy and the message may not wait, BudgetExceeded when nothing is left, and
    LimitExceeded when as many answers are in the making as may be.
    """
    try:
        opened = _store(principal, agent, ask)
    except IntegrityError:
        if not Agent.objects.filter(pk=agent.pk).exists():
            raise NotFound("There is no such agent.", code="agent_not_found") from None
        if ask.new_session_id and AgentOSSession.objects.filter(pk=ask.new_session_id).exists():
            raise NotFound("There is no such session.", code="session_not_found") from None
        raise
    if opened.status is RunStatus.RUNNING:
        recording.begin(opened.run_id)
    return opened


def title_from(text: str) -> str:
    """A session's title from its first message: one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= TITLE_LENGTH:
        return line
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"


@transaction.atomic
def _store(principal: Principal, agent: Agent, ask: Ask) -> OpenedTurn:
    now = timezone.now()
    run_id = ask.run_id or uuid7()
    if ask.on_its_own:
        _admit(principal, ask, now)
        status = RunStatus.PENDING if ask.in_background else RunStatus.RUNNING
        _insert_run(run_id, principal, agent, ask, status, now)
        return OpenedTurn(run_id, None, "", ask.text, status)
    session, waiting = _session_for(principal, agent, ask, now)
    question = _question_for(session, ask)
    _admit(principal, ask, now)
    begins = waiting == 0 and not ask.in_background
    status = RunStatus.RUNNING if begins else RunStatus.PENDING
    if not begins and question.is_new and ask.edit_of is None:
        question.parent_id = None  # what is said right before it is not known yet
    if question.is_new:
        _insert_question(question, session, run_id, agent, now)
    _insert_run(run_id, principal, agent, replace(ask, text=question.text), status, now, session, question)
    _note_in_session(session, agent, question, begins=begins, now=now)
    if not begins:
        recording.append_events(run_id, [(1, "run.queued", {"position": waiting or 1})])
    return OpenedTurn(run_id, session.pk, session.title, question.text, status, question.id, int(not begins))


def _admit(principal: Principal, ask: Ask, now: datetime) -> None:
    if not ask.may_be_free:
        refuse_when_spent(principal, now)
    admit_run(principal)


def _session_for(principal: Principal, agent: Agent, ask: Ask, now: datetime) -> tuple[AgentOSSession, int]:
    """The session, locked, and this run's place in its queue: 0 when it may begin."""
    session_id = ask.session_id or _session_of_message(principal, ask.regenerate_of or ask.edit_of)
    if session_id is None:
        session = AgentOSSession.objects.create(
            id=ask.new_session_id or uuid7(), user_id=principal.user_id, team_id=principal.acting_team, agent=agent
        )
        return session, 0
    mine = AgentOSSession.objects.visible_to(principal).filter(pk=session_id)
    session_or_none = mine.select_for_update(of=("self",), no_key=True).first()
    if session_or_none is None:
        raise NotFound("There is no such session.", code="session_not_found")
    return session_or_none, _place_in_line(session_or_none, ask, now)


def _session_of_message(principal: Principal, message_id: UUID | None) -> UUID | None:
    if message_id is None:
        return None
    message = AgentOSMessage.objects.visible_to(principal).filter(pk=message_id).only("session_id").first()
    if message is None:
        raise _no_such_message()
    return message.session_id


def _place_in_line(session: AgentOSSession, ask: Ask, now: datetime) -> int:
    """0 when nothing is being written in this session. Runs whose process is gone are ended here; others are waited
    for, stopped, or in the way, as the session has it."""
    live = list(AgentOSRun.objects.live().filter(session=session, parent=None).order_by("id"))
    going = [run for run in live if run.status != RunStatus.PENDING and not _was_left_behind(run, session, now)]
    waiting = [run for run in live if run.status == RunStatus.PENDING]
    if not going and not waiting:
        return 0
    if session.when_busy == WhenBusy.REFUSE or not ask.may_wait or ask.regenerate_of or ask.edit_of:
        raise Conflict(BUSY, code="session_busy")
    if len(waiting) >= MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} messages are waiting in this session already.", code="session_busy")
    if session.when_busy == WhenBusy.STEER:
        going = [run for run in going if not _steered_away(run, now)]
    return len(going) + len(waiting)


def _steered_away(run: AgentOSRun, now: datetime) -> bool:
    """Ask a run to stop in favour of the next; one that waits for approval ends at once."""
    if run.status == RunStatus.WAITING:
        settle(run.pk, Ending(RunStatus.CANCELLED), [], recording.last_number(run.pk) + 1)
        return True
    AgentOSRun.objects.filter(pk=run.pk, cancel_requested_at=None).update(cancel_requested_at=now)
    return False


def _was_left_behind(run: AgentOSRun, session: AgentOSSession, now: datetime) -> bool:
    if run.status != RunStatus.RUNNING or run.heartbeat_at is None or recording.is_recording(run.pk):
        return False
    if run.heartbeat_at >= now - recording.STALE_AFTER:
        return False
    interrupt(run.pk)
    session.refresh_from_db()
    return True


def _question_for(session: AgentOSSession, ask: Ask) -> _Question:
    named = ask.regenerate_of or ask.edit_of
    if named is None:
        return _Question(uuid7(), ask.text, session.head_id)
    message = AgentOSMessage.objects.select_related("run").filter(session=session, pk=named).first()
    if message is None:
        raise _no_such_message()
    if message.role != MessageRole.USER and message.run is not None and message.run.question_id:
        message = AgentOSMessage.objects.filter(pk=message.run.question_id).first()
    if message is None or message.role != MessageRole.USER:
        raise Conflict("This message answers no question that could be asked again.", code="no_question")
    if ask.edit_of is not None:
        return _Question(uuid7(), ask.text, message.parent_id)
    return _Question(message.pk, message.content, message.parent_id, is_new=False)


def _insert_question(question: _Question, session: AgentOSSession, run_id: UUID, agent: Agent, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO opie_agentosmessage (id, session_id, run_id, number, parent_id, role, is_answer, status,"
            " agent_id, content, reasoning, tool_calls, tool_call_id, tool_name, tool_failed, citations, metadata,"
            " created_at) VALUES (%s, %s, %s, %s, %s, 'user', false, 'complete', %s, %s, '', '[]', '', '', false,"
            " '[]', '{}', %s)",
            [
                question.id, session.pk, run_id, session.message_count + 1, question.parent_id,
                agent.pk, question.text, now,
            ],
        )  # fmt: skip


def _insert_run(
    run_id: UUID,
    principal: Principal,
    agent: Agent,
    ask: Ask,
    status: RunStatus,
    now: datetime,
    session: AgentOSSession | None = None,
    question: _Question | None = None,
) -> None:
    begun = now if status is RunStatus.RUNNING else None
    AgentOSRun.objects.bulk_create(
        [
            AgentOSRun(
                id=run_id,
                session=session,
                question_id=question.id if question else None,
                user_id=principal.user_id,
                team_id=session.team_id if session else principal.acting_team,
                api_key_id=principal.api_key_id,
                agent=agent,
                agent_version=agent.version,
                status=status,
                is_background=ask.in_background,
                schedule_id=ask.schedule_id,
                most_attempts=ask.most_attempts,
                input=_input_of(ask),
                created_at=now,
                started_at=begun,
                heartbeat_at=begun,
            )
        ]
    )


def _input_of(ask: Ask) -> dict[str, str] | None:
    if ask.on_its_own:
        return {"message": ask.text}
    # Says, should the run wait, that its question has a place in the tree already.
    return {"edit_of": str(ask.edit_of)} if ask.edit_of else None


def _note_in_session(
    session: AgentOSSession, agent: Agent, question: _Question, *, begins: bool, now: datetime
) -> None:
    session.message_count += question.is_new
    session.title = session.title or title_from(question.text)
    if begins:
        session.head_id = question.id
    AgentOSSession.objects.filter(pk=session.pk).update(
        message_count=session.message_count,
        title=session.title,
        head_id=session.head_id,
        agent_id=agent.pk,
        last_message_at=now,
        updated_at=now,
    )


def _no_such_message() -> NotFound:
    return NotFound("There is no such message.", code="message_not_found")
