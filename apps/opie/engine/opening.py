"""What is written before an agent is called: the question and the run, in one transaction. Sync.

A run begins at once, or waits: for its turn, when another answer is being written in its session, or for the worker.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotFound
from apps.api.ids import uuid7
from apps.api.statements import prepared_cursor
from apps.opie.engine import recording
from apps.opie.engine.attempts import tell_worker
from apps.opie.engine.dispatched import Dispatched
from apps.opie.engine.opening_statements import LIVE_RUNS, LOCK_SESSION, RULES, insert_opened
from apps.opie.engine.saying import say, shown_name_of
from apps.opie.engine.settling import Ending, interrupt, settle
from apps.opie.engine.wishes import NONE, Wishes
from apps.opie.ledger.budgets import refuse_when_spent
from apps.opie.limits.admission import admit_run
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession, DispatchDecision
from apps.opie.models.messages import FOR_PERSON, MessageRole
from apps.opie.models.runs import RunStatus
from apps.opie.models.sessions import WhenBusy

TITLE_LENGTH = 60
MOST_WAITING = 20
BY_PERSON = "A person answers in this conversation now. The agent can be asked again when it is handed back."
BUSY = "An answer is being written in this session. Wait for it, or stop it first."


@dataclass(frozen=True, slots=True)
class Beside:
    """One more part of the statement that stores a run, and what it needs beside the run's own values."""

    statement: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, and where: in a session of the person's, in a new one, or on its own.

    `regenerate_of` and `edit_of` name a message in whose place a branch begins; the first needs no text. `may_wait` is
    false for callers that cannot wait for their turn. `may_be_free` lets a spent budget pass to a platform without cost.
    One on its own that `is_held` waits until whoever made it begins it. `dispatched` says that the agent was chosen.
    `beside` is stored with the run, or not at all. One that `needs_agent` is refused where a person answers. One that `keeps_agent`, or tries an answer again, leaves a session
    that is there with whom it was.
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
    is_held: bool = False
    wishes: Wishes = NONE
    dispatched: Dispatched | None = None
    beside: Beside | None = None
    keeps_agent: bool = False
    needs_agent: bool = False


@dataclass(frozen=True, slots=True)
class OpenedTurn:
    """What is in the rows before the agent is called. `session_id` is None for a run on its own; `last_event` is the
    number of the last event that is there already; `is_first` that nothing was said before. The `run_id` of one that
    `is_for_person` names no run."""

    run_id: UUID
    session_id: UUID | None
    title: str
    text: str
    status: RunStatus
    question_id: UUID | None = None
    last_event: int = 0
    is_first: bool = False
    in_background: bool = False
    wishes: Wishes = NONE
    dispatched: Dispatched | None = None
    # There is no run: a person has taken the conversation over, and answers.
    is_for_person: bool = False
    # The name of the person who does.
    person: str = ""


@dataclass(slots=True)
class _Question:
    """The message that a run answers: a new one, or one that is there already."""

    id: UUID
    text: str
    parent_id: UUID | None
    is_new: bool = True


def open_turn(principal: Principal, agent: Agent, ask: Ask) -> OpenedTurn:
    """Store the question and the run, both before anything is called; the question alone, where a person has taken the
    conversation over.

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
        recording.begin(opened.run_id, 1)
    return opened


def key_on_hold(api_key_id: UUID | None) -> str | None:
    """What a run that has not begun keeps of the key that it was asked with: its id, as JSON, should the key go."""
    return json.dumps({"api_key_id": str(api_key_id)}) if api_key_id else None


def title_from(text: str) -> str:
    """A session's title from its first message: one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= TITLE_LENGTH:
        return line
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"


@dataclass(slots=True)
class _Place:
    """Where a question goes: its session, as it was found and locked, and this run's place in the line (0: begins)."""

    session_id: UUID
    team_id: UUID
    title: str = ""
    head_id: UUID | None = None
    last_number: int = 0
    place: int = 0
    is_new: bool = True
    taken_over_by: UUID | None = None


@transaction.atomic
def _store(principal: Principal, agent: Agent, ask: Ask) -> OpenedTurn:
    now = timezone.now()
    run_id = ask.run_id or uuid7()
    if ask.on_its_own:
        _admit(principal, ask, now)
        status = RunStatus.PENDING if ask.in_background or ask.is_held else RunStatus.RUNNING
        insert_opened(_run_values(run_id, principal, agent, ask, status, now))
        _note_choice(ask, run_id)
        if ask.in_background:
            tell_worker(run_id)
        return OpenedTurn(run_id, None, "", ask.text, status, **_goes_along(ask))
    place = _place_for(principal, ask, now)
    if place.taken_over_by is not None:
        question_id = leave_to_person(place.session_id, ask, is_busy=place.place > 0)
        return OpenedTurn(
            run_id,
            place.session_id,
            place.title,
            ask.text,
            RunStatus.COMPLETED,
            question_id=question_id,
            is_for_person=True,
            person=shown_name_of(place.taken_over_by),
        )
    question = _question_for(place, ask)
    _admit(principal, ask, now)
    begins = place.place == 0 and not ask.in_background
    status = RunStatus.RUNNING if begins else RunStatus.PENDING
    if not begins and question.is_new and ask.edit_of is None:
        question.parent_id = None  # what is said right before it is not known yet
    place.title = place.title or title_from(question.text)
    values = _run_values(run_id, principal, agent, ask, status, now)
    values |= _session_values(ask, place, question, begins=begins)
    insert_opened(values)
    _note_choice(ask, run_id)
    if not begins:
        recording.append_events(run_id, [(1, "run.queued", {"position": place.place or 1})])
    if ask.in_background:
        tell_worker(run_id)
    return OpenedTurn(
        run_id,
        place.session_id,
        place.title,
        question.text,
        status,
        question_id=question.id,
        last_event=int(not begins),
        is_first=place.is_new,
        **_goes_along(ask),
    )


def _goes_along(ask: Ask) -> dict[str, Any]:
    return {"in_background": ask.in_background, "wishes": ask.wishes, "dispatched": ask.dispatched}


def _note_choice(ask: Ask, run_id: UUID) -> None:
    if ask.dispatched is not None and ask.dispatched.decision_id is not None:
        DispatchDecision.objects.note_run(UUID(ask.dispatched.decision_id), run_id)


def _admit(principal: Principal, ask: Ask, now: datetime) -> None:
    """Most teams have neither: one look says so."""
    with prepared_cursor() as cursor:
        cursor.execute(RULES, {"team": principal.team_id})
        has_budgets, limits_runs = cursor.fetchone()
    if has_budgets and not ask.may_be_free:
        refuse_when_spent(principal, now)
    if limits_runs:
        admit_run(principal)


def _place_for(principal: Principal, ask: Ask, now: datetime) -> _Place:
    session_id = ask.session_id or _session_of_message(principal, ask.regenerate_of or ask.edit_of)
    if session_id is None:
        return _Place(ask.new_session_id or uuid7(), principal.acting_team)
    asked = {"session": session_id, "user": principal.user_id, "team": principal.team_id}
    with prepared_cursor() as cursor:
        cursor.execute(LOCK_SESSION, asked)
        found = cursor.fetchone()
        if found is None:
            raise NotFound("There is no such session.", code="session_not_found")
        # Apart: what runs is read after the lock is had.
        cursor.execute(LIVE_RUNS, asked)
        live = [_LiveRun(*row) for row in cursor.fetchall()]
    team_id, title, head_id, last_number, when_busy, taken_over_by = found
    place = _Place(session_id, team_id, title, head_id, last_number, is_new=False, taken_over_by=taken_over_by)
    if live and _end_what_was_left_behind(live, now):
        return _place_for(principal, ask, now)
    place.place = _place_in_line(live, when_busy, ask)
    if when_busy == WhenBusy.STEER and _make_way(live, now):
        return _place_for(principal, ask, now)
    return place


def leave_to_person(session_id: UUID, ask: Ask, *, is_busy: bool) -> UUID:
    """Store a question that a person answers, in a session that is locked; answers its id. Raises Conflict for what only
    an agent can do, and while the agent's last words are still being stored."""
    if ask.regenerate_of or ask.edit_of:
        raise Conflict("A person answers here now. Write a new message.", code="taken_over")
    if ask.needs_agent or ask.schedule_id:
        raise Conflict(BY_PERSON, code="taken_over")
    if is_busy:
        raise Conflict(BUSY, code="session_busy")
    return say(session_id, MessageRole.USER, ask.text, {FOR_PERSON: True}).pk


def _session_of_message(principal: Principal, message_id: UUID | None) -> UUID | None:
    if message_id is None:
        return None
    message = AgentOSMessage.objects.visible_to(principal).filter(pk=message_id).only("session_id").first()
    if message is None:
        raise _no_such_message()
    return message.session_id


@dataclass(frozen=True, slots=True)
class _LiveRun:
    id: UUID
    status: str
    heartbeat_at: datetime | None

    def was_left_behind(self, now: datetime) -> bool:
        """Whether the process that ran it is gone."""
        if self.status != RunStatus.RUNNING or self.heartbeat_at is None or recording.is_recording(self.id):
            return False
        return self.heartbeat_at < now - recording.STALE_AFTER


def _end_what_was_left_behind(live: list[_LiveRun], now: datetime) -> bool:
    left = [run for run in live if run.was_left_behind(now)]
    for run in left:
        interrupt(run.id)
    return bool(left)


def _place_in_line(live: list[_LiveRun], when_busy: str, ask: Ask) -> int:
    """0 when nothing is being written in the session. Raises Conflict where what is, is in the way."""
    waiting = sum(run.status == RunStatus.PENDING for run in live)
    if not live:
        return 0
    if when_busy == WhenBusy.REFUSE or not ask.may_wait or ask.regenerate_of or ask.edit_of:
        raise Conflict(BUSY, code="session_busy")
    if waiting >= MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} messages are waiting in this session already.", code="session_busy")
    return len(live)


def _make_way(live: list[_LiveRun], now: datetime) -> bool:
    """Ask what is being written to stop in favour of the next; what waits for approval ends at once. Answers whether
    something ended: the session is another then."""
    running = [run.id for run in live if run.status == RunStatus.RUNNING]
    AgentOSRun.objects.filter(pk__in=running, cancel_requested_at=None).update(cancel_requested_at=now)
    waits = [run for run in live if run.status == RunStatus.WAITING]
    for run in waits:
        settle(run.id, Ending(RunStatus.CANCELLED), [], recording.last_number(run.id) + 1)
    return bool(waits)


def _question_for(place: _Place, ask: Ask) -> _Question:
    named = ask.regenerate_of or ask.edit_of
    if named is None:
        return _Question(uuid7(), ask.text, place.head_id)
    message = AgentOSMessage.objects.filter(session=place.session_id, pk=named).first()
    if message is None:
        raise _no_such_message()
    # An answer may be several messages; before the first of them is what it answers.
    while message is not None and message.role != MessageRole.USER:
        message = AgentOSMessage.objects.filter(pk=message.parent_id).first() if message.parent_id else None
    if message is None:
        raise Conflict("This message answers no question that could be asked again.", code="no_question")
    if ask.edit_of is not None:
        return _Question(uuid7(), ask.text, message.parent_id)
    return _Question(message.pk, message.content, message.parent_id, is_new=False)


def _run_values(
    run_id: UUID, principal: Principal, agent: Agent, ask: Ask, status: RunStatus, now: datetime
) -> dict[str, Any]:
    return {
        "run": run_id,
        "user": principal.user_id,
        "team": principal.acting_team,
        "key": principal.api_key_id,
        "agent": agent.pk,
        "agent_of_session": (ask.dispatched and ask.dispatched.agent_of_session) or agent.pk,
        "version": agent.version,
        "status": status,
        "begun": now if status is RunStatus.RUNNING else None,
        "is_background": ask.in_background,
        "schedule": ask.schedule_id,
        "most_attempts": ask.most_attempts,
        "input": _input_of(ask),
        # With the key deleted, the run must not go on with all the rights of its person.
        "paused": key_on_hold(principal.api_key_id) if status is RunStatus.PENDING else None,
        "now": now,
        "session": None,
        "question": None,
        "makes_session": False,
        "asks": False,
        "beside": ask.beside.statement if ask.beside else "",
        **(ask.beside.values if ask.beside else {}),
    }


def _session_values(ask: Ask, place: _Place, question: _Question, *, begins: bool) -> dict[str, Any]:
    return {
        "session": place.session_id,
        "team": place.team_id,
        "makes_session": place.is_new,
        "title": place.title,
        "head": question.id if begins else place.head_id,
        "last_number": place.last_number + question.is_new,
        "question": question.id,
        "asks": question.is_new,
        "parent": question.parent_id,
        "text": question.text,
        **({"agent_of_session": None} if (ask.keeps_agent or ask.regenerate_of) and not place.is_new else {}),
    }


def _input_of(ask: Ask) -> str | None:
    kept: dict[str, Any] = {"message": ask.text} if ask.on_its_own else {}
    if ask.edit_of:
        # Says, should the run wait, that its question has a place in the tree already.
        kept["edit_of"] = str(ask.edit_of)
    if ask.is_held:
        kept["is_held"] = True
    if ask.wishes:
        kept["wishes"] = ask.wishes.as_json()
    if ask.dispatched:
        kept["dispatched"] = ask.dispatched.as_json()
    return json.dumps(kept) if kept else None


def _no_such_message() -> NotFound:
    return NotFound("There is no such message.", code="message_not_found")
