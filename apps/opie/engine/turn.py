"""One turn: a question, a run, an answer. The one way to run an agent, for every door and every process.

`open_turn` stores the question and the run; `start` lets the agent run in a task of its own, which no request owns;
`events` and `result` are for whoever wants to read. What the agent does goes through the observer to the stream, and
at the end, in one transaction, to the rows. A turn that has to wait is taken up from its rows when its time comes, in
whichever process that is noticed.
"""

import asyncio
import contextvars
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError

from apps.accounts.principal import Principal
from apps.api.errors import NotFound, OpieError
from apps.opie import rows
from apps.opie.engine import attempts, hooks, opening, parts, queue, recording, settling, stream, waiting
from apps.opie.engine.endings import GENERIC, ending_of, failure_of, status_of
from apps.opie.engine.history import History, Limits, current_history, history_of, no_history
from apps.opie.engine.observer import Failure, Observation, Observer, ToolCall, tool_as_json
from apps.opie.engine.opening import Ask, OpenedTurn
from apps.opie.engine.outcome import RunResult, left_to_person, result_of_run
from apps.opie.engine.paused import Paused, paused
from apps.opie.engine.profile_sections import tell
from apps.opie.engine.recording import LAST_EVENT
from apps.opie.engine.wishes import Asked, context_given
from apps.opie.events import RunEvent
from apps.opie.metrics.errors import RunError
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun
from apps.opie.models.runs import RunStatus
from apps.opie.providers.afterwords import afterword_of
from apps.opie.scope import RunScope, current_scope

logger = logging.getLogger(__name__)

# Starts Agno's own run of an agent: its events and, last, its output.
AgnoRun = Callable[[Asked], AsyncIterator[Any]]
SETTLE_RETRY_SECONDS = (0.1, 0.5, 1, 2, 5, 10)

_tasks: set[asyncio.Task[Any]] = set()


@dataclass(slots=True)
class Turn:
    """A run under way, or in line. Made by `open_turn`, read through `events` and `result`."""

    principal: Principal
    agent: Agent
    opened: OpenedTurn
    listener: Callable[[Any], None] | None = None
    history: History | None = None
    # What the model was given before the run came to wait: it goes on with that.
    context: dict[str, Any] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _live: stream.RunStream | None = None
    _settled: RunResult | None = None

    @property
    def run_id(self) -> UUID:
        return self.opened.run_id

    @property
    def session_id(self) -> UUID | None:
        return self.opened.session_id

    @property
    def may_begin(self) -> bool:
        """False for a turn that waits: for its place in the line of its session, or for the worker."""
        return self.opened.status is RunStatus.RUNNING

    def start(self, agno_run: AgnoRun) -> None:
        """Let the agent run, detached: in a context of its own, so that nothing of the request lives on in it. A turn
        that has to wait is left to whoever finds that its time has come."""
        if self.opened.is_for_person:
            return
        if not self.may_begin:
            if not self.opened.in_background:
                # Whoever was before it may have been left behind by a process that is gone.
                _in_background(_start_first(self.opened))
            return
        self._detach(self._run(agno_run))

    def go_on(self, agno_run: AgnoRun, before: Observation, refused: list[ToolCall]) -> None:
        """Let the agent go on after it waited, from what readers had seen `before`; `refused` are the calls that
        somebody said no to."""
        self._detach(self._run(agno_run, before, refused))

    def _detach(self, run: Coroutine[Any, Any, None]) -> None:
        self._task = _in_background(run)
        # At once: who asks for its events now would look for them in other processes.
        self._live = stream.open_stream(self.run_id, self._task, after=self.opened.last_event)

    async def events(self, after: int = 0) -> AsyncIterator[list[RunEvent]]:
        """The run's events in the batches they come in, until the last. Leaving does not stop the run."""
        if self.opened.is_for_person:
            yield [RunEvent(self.run_id, 1, "run.finished", self._left_to_person().as_json())]
            return
        async for events in stream.read_events(self.run_id, after):
            yield events

    async def result(self) -> RunResult:
        """Wait for the end, or until the run waits for approval; it goes on if this waiting is given up. Raises
        NotFound when the session was deleted."""
        if self.opened.is_for_person:
            return self._left_to_person()
        if self._task is not None:
            await asyncio.shield(self._task)
        else:
            await self._wait_for_others()
        return await rows.run(self._result) if self._settled is None else self._settled

    async def _wait_for_others(self) -> None:
        async for events in stream.read_events(self.run_id, self.opened.last_event):
            if any(event.type == "approval.required" for event in events):
                return

    def _left_to_person(self) -> RunResult:
        return left_to_person(self.run_id, self.session_id, self.agent.agent_id, self.opened.person)

    def _result(self) -> RunResult:
        try:
            return result_of_run(self.run_id)
        except AgentOSRun.DoesNotExist:
            raise NotFound("The session was deleted while this was answered.", code="session_not_found") from None

    async def _run(
        self, agno_run: AgnoRun, before: Observation | None = None, refused: list[ToolCall] | None = None
    ) -> None:
        observer = Observer(str(self.run_id), seen=before)
        seen = observer.seen
        scope = RunScope(
            self.principal, self.agent.pk, self.session_id, self.run_id, passages=seen.passages, notes=seen.notes
        )
        current_scope.set(scope)
        live = self._live
        assert live is not None  # noqa: S101 - it was opened with the task
        if before is None:
            live.publish("run.started", self._beginning())
        for call in refused or []:
            observer.seen.tool_calls[call.id] = call
            live.publish("tool.finished", tool_as_json(call))
        status = await self._observe(agno_run, observer, live, goes_on=before is not None)
        # Asked to stop while settling: the answer is there already, so it is kept as it is.
        settled = asyncio.ensure_future(self._end(status, observer.seen, live))
        while not settled.done():
            try:
                await asyncio.shield(settled)
            except asyncio.CancelledError:
                continue
        if next_run := settled.result():
            _in_background(start_next(next_run))
        if self._settled is not None and hooks.any_after(self._at_hand()):
            # Nobody waits for them.
            _in_background(hooks.run_after(self._at_hand(), self._settled))

    def _beginning(self) -> dict[str, Any]:
        told: dict[str, Any] = {"agent_id": self.agent.agent_id, "title": self.opened.title}
        if self.opened.dispatched is not None:
            told["dispatched"] = self.opened.dispatched.as_json()
        return told

    async def _observe(
        self, agno_run: AgnoRun, observer: Observer, live: stream.RunStream, *, goes_on: bool
    ) -> RunStatus:
        seen = observer.seen
        try:
            await self._read_history()
            async for event in agno_run(await self._asked(goes_on=goes_on)):
                for kind, data in observer.observe(event):
                    live.publish(kind, data)
                if self.listener:
                    self.listener(event)
        except asyncio.CancelledError:
            # Nobody asked for it: the process, or its loop, is about to end.
            return RunStatus.CANCELLED if live.asked_to_stop else RunStatus.INTERRUPTED
        except OpieError as error:
            seen.failure = Failure(error.type, error.message)
            logger.info("run %s failed: %s", self.run_id, error.code)
        except Exception as error:
            seen.failure = Failure(type(error).__name__, "")
            logger.exception("run %s failed", self.run_id)
        if seen.cancelled:
            return RunStatus.CANCELLED
        return status_of(seen.failure)

    async def _asked(self, *, goes_on: bool) -> Asked:
        """What the agent is handed: the question, as the host's hooks would have it. Raises what a hook refuses with."""
        text = self.opened.text
        if not goes_on:
            text = await hooks.run_before(self._at_hand())
            await tell(self._at_hand())
        conversation = str(self.session_id or self.run_id)
        return Asked(text, str(self.run_id), conversation, str(self.principal.user_id), self.opened.wishes)

    def _at_hand(self) -> hooks.RunAtHand:
        return hooks.RunAtHand(self.run_id, self.session_id, self.agent, self.principal, self.opened.text)

    async def _read_history(self) -> None:
        """What was said before, for Agno to find when it looks for it (agentos/db.py)."""
        if self.history is None and self.opened.question_id is not None:
            self.history = await rows.run(history_of, self.opened.question_id, Limits.of(self.agent))
        current_history.set(self.history)

    async def _end(self, status: RunStatus, seen: Observation, live: stream.RunStream) -> UUID | None:
        """Let the run wait if that is how Agno stopped, else settle it. Answers the run that is next in the session."""
        if status is not RunStatus.COMPLETED or (waits := paused(seen)) is None:
            return await self._settle(status, seen, live)
        await stream.leave_the_beat(live)
        try:
            if await self._let_wait(waits, live):
                stream.hand_over(live)
                return None
        except Exception as error:
            seen.failure = failure_of(error)
            next_run = await self._settle(RunStatus.FAILED, seen, live)
            if not isinstance(error, OpieError):
                raise
            return next_run
        # Asked to stop just now, or ended from elsewhere.
        return await self._settle(RunStatus.CANCELLED, seen, live)

    async def _let_wait(self, waits: Paused, live: stream.RunStream) -> bool:
        context = self.context or (self.history.as_context() if self.history is not None else {})
        for pause in (*SETTLE_RETRY_SECONDS, None):
            try:
                return await rows.run(waiting.pause, self.run_id, waits, context, live.unwritten(), live.next_number())
            except (OperationalError, InterfaceError):
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        return False

    async def _settle(self, status: RunStatus, seen: Observation, live: stream.RunStream) -> UUID | None:
        """Answers the run that is next in the session."""
        ending = ending_of(status, seen, afterword_of(self.run_id).detail)
        if self.history is not None:
            ending.context = self.context or self.history.as_context()
            ending.summary_is_due = self.history.leaves_a_summary_due(self.agent, len(ending.rows) + 1)
        elif self.opened.wishes.given:
            ending.context = context_given(self.opened.wishes, self.agent)
        await stream.leave_the_beat(live)
        try:
            return await self._write_ending(ending, live)
        finally:
            recording.forget(self.run_id)
            # A run that is tried again says more in its next attempt, wherever that is.
            (stream.close_stream if live.said_last else stream.hand_over)(live)

    async def _write_ending(self, ending: settling.Ending, live: stream.RunStream) -> UUID | None:
        number = live.next_number()
        for pause in (*SETTLE_RETRY_SECONDS, None):
            try:
                settled = await rows.run(settling.settle, self.run_id, ending, live.unwritten(), number)
            except (OperationalError, InterfaceError):
                if pause is None:
                    # Its events up to the last beat are in rows; recovery finishes the books from them.
                    logger.exception("run %s could not be settled; it is left to recovery", self.run_id)
                    told = {"code": settling.INTERRUPTED.code, "message": settling.INTERRUPTED.message}
                    live.publish("run.interrupted", {"error": told})
                    return None
                await asyncio.sleep(pause)
            except Exception:
                # Readers must not wait for ever for what cannot be written; recovery finishes the books.
                live.publish("run.interrupted", {"error": {"code": GENERIC.code, "message": GENERIC.message}})
                raise
            else:
                if settled is None:
                    await self._publish_what_is_stored(live)
                    return None
                live.publish(settled.kind, settled.data)
                self._settled = settled.result
                return settled.next_run
        return None

    async def _publish_what_is_stored(self, live: stream.RunStream) -> None:
        """Ended from elsewhere, or by a try whose answer was lost: the rows say how. A run that is tried again goes on
        where its readers find it."""
        try:
            result = await rows.run(self._result)
        except NotFound as error:
            live.publish("run.cancelled", {"error": {"code": error.code, "message": error.message}})
            return
        if last := LAST_EVENT.get(RunStatus(result.status)):
            live.publish(last, result.as_json())


def open_turn(principal: Principal, agent: Agent, ask: Ask) -> Turn:
    """Store the question and the run (see opening.open_turn) and answer the turn, ready to be started. Sync.

    A turn that begins at once gets its history on the same way to the rows.
    """
    opened = opening.open_turn(principal, agent, ask)
    turn = Turn(principal, agent, opened)
    if opened.is_first and opened.session_id is not None:
        turn.history = no_history(opened.session_id)
    elif opened.status is RunStatus.RUNNING and opened.question_id is not None:
        try:
            turn.history = history_of(opened.question_id, Limits.of(agent))
        except DatabaseError:
            # The run is stored, and must come to an end: it reads again, and what goes wrong then is its failure.
            logger.warning("the history of run %s could not be read at once", opened.run_id, exc_info=True)
    return turn


async def start_next(run_id: UUID) -> None:
    """Begin a run that waits, if it is its turn: here, or on the worker when it is one of the worker's."""
    if not await rows.run(_leave_to_worker, run_id) and asyncio.get_running_loop() not in _stopping:
        await take_up(run_id)


async def take_up(run_id: UUID) -> Turn | None:
    """Run, in this process, a run that was opened earlier. None when it is not its turn, when somebody else has it, and
    when something keeps it from running, which is stored as its failure."""
    claimed = await rows.run(queue.claim, run_id)
    if claimed is None:
        return None
    try:
        principal, agent = await rows.run(queue.person_and_agent, claimed)
        built = await rows.run(parts.build, agent, principal, claimed.opened.session_id)
    except OpieError as error:
        await fail(claimed.opened, error)
        return None
    turn = Turn(principal, agent, claimed.opened)
    turn.start(built.agno_run)
    return turn


async def stop(principal: Principal, run_id: UUID) -> None:
    """Ask for a run to be stopped, wherever it runs, and let the next in its session begin. Raises NotFound."""
    settled = await rows.run(queue.request_cancel, principal, run_id)
    if settled and settled.next_run:
        _in_background(start_next(settled.next_run))


def _leave_to_worker(run_id: UUID) -> bool:
    run = AgentOSRun.objects.filter(pk=run_id, is_background=True, status=RunStatus.PENDING).first()
    if run is not None:
        attempts.tell_worker(run_id)
    return run is not None


async def _start_first(opened: OpenedTurn) -> None:
    assert opened.session_id is not None  # noqa: S101 - only sessions have lines
    first = await rows.run(queue.first_in_line, opened.session_id)
    if first is not None:
        await start_next(first.pk)


async def fail(
    opened: OpenedTurn,
    error: OpieError,
    status: RunStatus = RunStatus.FAILED,
    said: list[AgentOSMessage] | None = None,
) -> None:
    """End a run that cannot begin, or go on, with the reason."""
    said = said or [AgentOSMessage(role="assistant", content="", is_answer=True)]
    ending = settling.Ending(status, said, RunError(error.code, error.message, "queue"))
    settled = await rows.run(settling.settle, opened.run_id, ending, [], opened.last_event + 1)
    if settled and settled.next_run:
        _in_background(start_next(settled.next_run))


def _in_background(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """A task of nobody's, in a context of its own; `drain` waits for it."""
    task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    _tasks.add(task)
    task.add_done_callback(_let_go)
    return task


def _let_go(task: "asyncio.Task[Any]") -> None:
    _tasks.discard(task)
    if not task.cancelled() and (error := task.exception()):
        # Nobody waits for it. What it left half done, the worker's sweep finds.
        logger.error("a run's task failed", exc_info=error)


# Loops that are about to stop: nothing new begins on them.
_stopping: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


async def drain(seconds: float) -> None:
    """The process is about to stop: let answers that run on this loop end, then interrupt what is left and store it.
    What waits in line is left to other processes."""
    _stopping.add(asyncio.get_running_loop())
    running = [task for task in _tasks if task.get_loop() is asyncio.get_running_loop()]
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=seconds)
