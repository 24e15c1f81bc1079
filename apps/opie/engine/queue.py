"""The line of runs that wait in a session: whose turn it is, and taking a run up from its rows.

A run that waits needs nothing of the process that accepted it: person, agent and question are read from the rows
when its turn comes, with the rights and the agent as they are then.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.principal import Principal, principal_now
from apps.api.errors import NotAllowed, NotFound
from apps.opie.engine import recording
from apps.opie.engine.dispatched import Dispatched
from apps.opie.engine.opening import OpenedTurn
from apps.opie.engine.settling import Ending, Settled, lock_session_of, settle
from apps.opie.engine.wishes import Wishes
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.messages import FOR_PERSON
from apps.opie.models.runs import LIVE_STATUSES, RunStatus

_GOING = (RunStatus.RUNNING, RunStatus.WAITING)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run whose turn has come, as it was asked. It is running from here on."""

    opened: OpenedTurn
    user_id: UUID
    team_id: UUID
    api_key_id: UUID | None
    agent_pk: UUID | None


def first_in_line(session_id: UUID) -> AgentOSRun | None:
    """The run that waits longest in a session where nothing is being written."""
    runs = AgentOSRun.objects.filter(session=session_id)
    if runs.filter(status__in=_GOING, question__isnull=False).exists():
        return None
    return runs.filter(status=RunStatus.PENDING).order_by("id").first()


@transaction.atomic
def claim(run_id: UUID) -> Claimed | None:
    """Let a run that waits begin. None when it is not its turn, somebody else has begun it, or a person has taken its
    session over: then its question, and all that wait behind it, are the person's to answer."""
    found = AgentOSRun.objects.filter(pk=run_id).values_list("session_id", flat=True).first()
    session = None
    if found is not None:
        session = AgentOSSession.objects.select_for_update(no_key=True).filter(pk=found).first()
        first = first_in_line(found)
        if session is None or first is None or first.pk != run_id:
            return None
        if session.taken_over_by_id is not None:
            leave_line_to_person(session)
            return None
    now = timezone.now()
    claimed = AgentOSRun.objects.filter(pk=run_id, status=RunStatus.PENDING).exclude(not_before__gt=now)
    if not claimed.update(status=RunStatus.RUNNING, started_at=now, heartbeat_at=now):
        return None
    run = AgentOSRun.objects.select_related("question").get(pk=run_id)
    if session is not None and run.question is not None:
        _put_behind_head(session, run, run.question)
    recording.begin(run_id, run.attempt)
    return Claimed(_opened(run, session), run.user_id, run.team_id, _key_of(run), run.agent_id)


def person_and_agent(claimed: Claimed) -> tuple[Principal, Agent]:
    """Who asked, with the rights they have now, and the agent as it is now. Raises NotAllowed and NotFound."""
    principal = principal_now(claimed.user_id, claimed.team_id, claimed.api_key_id)
    if not principal.may("run_agents"):
        raise NotAllowed
    served = Agent.objects.served_to(principal).with_models()
    agent = served.filter(pk=claimed.agent_pk).first() if claimed.agent_pk else None
    if agent is None:
        raise NotFound("There is no such agent any more.", code="agent_not_found")
    return principal, agent


def request_cancel(principal: Principal, run_id: UUID) -> Settled | None:
    """Ask for a run of this person's to be stopped, wherever it runs; one that waits is ended here, and what came of
    it is answered. One that has ended stays as it is. Raises NotFound."""
    runs = AgentOSRun.objects.visible_to(principal).filter(pk=run_id)
    runs.filter(status__in=LIVE_STATUSES, cancel_requested_at=None).update(cancel_requested_at=timezone.now())
    run = runs.first()
    if run is None:
        raise NotFound("There is no such run.", code="run_not_found")
    if run.status not in (RunStatus.PENDING, RunStatus.WAITING):
        return None
    return end_waiting(run_id)


@transaction.atomic
def end_waiting(run_id: UUID) -> Settled | None:
    """Cancel a run that no process is running: one in line, or one that waits for approval."""
    lock_session_of(run_id)
    run = AgentOSRun.objects.select_for_update(of=("self",)).filter(pk=run_id).first()
    if run is None or run.status not in (RunStatus.PENDING, RunStatus.WAITING):
        return None
    return settle(run_id, Ending(RunStatus.CANCELLED), [], recording.last_number(run_id) + 1)


def _key_of(run: AgentOSRun) -> UUID | None:
    """The key that the run was asked with, even if it has been deleted."""
    kept = (run.paused_state or {}).get("api_key_id")
    return UUID(kept) if kept else run.api_key_id


def leave_line_to_person(session: AgentOSSession) -> None:
    """End the runs that wait in a session that is locked, and in which nothing is being written. What they were to answer
    is said now, and answered by a person."""
    waiting = AgentOSRun.objects.filter(session=session, status=RunStatus.PENDING)
    for run in waiting.select_related("question").order_by("id"):
        if run.question is not None:
            # What waited in line has no place in the conversation yet.
            session.refresh_from_db(fields=["head", "message_count"])
            run.question.metadata[FOR_PERSON] = True
            run.question.save(update_fields=["metadata"])
            _put_behind_head(session, run, run.question)
        settle(run.pk, Ending(RunStatus.CANCELLED), [], recording.last_number(run.pk) + 1)


def _put_behind_head(session: AgentOSSession, run: AgentOSRun, question: AgentOSMessage) -> None:
    """A new question takes its place at the end of the branch that is shown; an edited or old one has its place, and
    so has one that is tried again."""
    is_new = question.run_id == run.pk and run.attempt == 1
    if is_new and "edit_of" not in (run.input or {}):
        question.parent_id = session.head_id
    if is_new:
        question.number = session.message_count + 1
        question.save(update_fields=["parent", "number"])
    AgentOSSession.objects.filter(pk=session.pk).update(head=question, message_count=F("message_count") + int(is_new))


def _opened(run: AgentOSRun, session: AgentOSSession | None) -> OpenedTurn:
    return OpenedTurn(
        run_id=run.pk,
        session_id=run.session_id,
        title=session.title if session else "",
        text=run.question.content if run.question else str((run.input or {}).get("message", "")),
        status=RunStatus.RUNNING,
        question_id=run.question_id,
        last_event=recording.last_number(run.pk),
        wishes=Wishes.of_json((run.input or {}).get("wishes", {})),
        dispatched=Dispatched.of_run_input(run.input),
    )
