"""Agno's Agent and Team that record themselves: whoever calls `arun`, the run is opened, detached and settled.

AgentOS calls `arun` like any user of Agno would. What it passes on from a caller beyond the question, the session and
how to stream is refused here, a second time after AgentOS's own door.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any
from uuid import UUID

from agno.agent import Agent as AgnoAgent
from agno.models.response import ToolExecution
from agno.run.agent import RunCompletedEvent, RunErrorEvent, RunOutput, RunPausedEvent
from agno.run.base import RunStatus
from agno.run.requirement import RunRequirement
from agno.run.team import RunCompletedEvent as TeamRunCompletedEvent
from agno.run.team import RunErrorEvent as TeamRunErrorEvent
from agno.run.team import RunPausedEvent as TeamRunPausedEvent
from agno.run.team import TeamRunOutput
from agno.team import Team as AgnoTeam
from agno.tools import Toolkit
from agno.tools.function import Function

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotFound
from apps.opie import rows
from apps.opie.engine.continuing import continue_own_run, result_of_continued
from apps.opie.engine.opening import Ask
from apps.opie.engine.outcome import RunResult
from apps.opie.engine.profile_sections import ToldProfiles
from apps.opie.engine.shaped import OutputAccepted, OutputRefused, in_shape
from apps.opie.engine.shapes import Shape
from apps.opie.engine.turn import Turn, open_turn
from apps.opie.engine.wishes import Asked, Wishes, messages_given
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind
from apps.opie.providers.metered import MeteredModel
from apps.opie.providers.shapes import instructions_for


class RecordsItself(ToldProfiles):
    """Mixed into Agno's Agent and Team. The builder sets the three attributes."""

    opie_agent: Agent
    opie_principal: Principal
    # AgentOS makes up a session id where the caller names none; a session that the caller names must exist.
    model: Any
    tools: Any
    additional_input: Any
    markdown: Any
    opie_may_name_new_session: bool = False

    def arun(
        self,
        input: Any,
        *,
        stream: bool | None = None,
        stream_events: bool | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        yield_run_output: bool | None = None,
        background: bool = False,
        background_tasks: Any = None,  # noqa: ARG002 - AgentOS hands it to every agent; the turn is detached anyway
        **more: Any,
    ) -> Coroutine[Any, Any, RunOutput | TeamRunOutput] | AsyncIterator[Any]:
        """One recorded run, streamed or not; Agno's own signature. Raises OpieError for what is not offered."""
        text = self._checked(input, user_id, background, more)
        if stream:
            return self._streamed(text, session_id, events=bool(stream_events), output=bool(yield_run_output))
        return self._answered(text, session_id)

    def acontinue_run(
        self,
        run_response: Any = None,
        *,
        run_id: str | None = None,
        stream: bool | None = None,
        stream_events: bool | None = None,
        session_id: str | None = None,  # noqa: ARG002 - AgentOS names it; the run knows its own
        user_id: str | None = None,
        yield_run_output: bool | None = None,
        continue_from: Any = "end",
        background_tasks: Any = None,  # noqa: ARG002 - as in arun
        **more: Any,
    ) -> Coroutine[Any, Any, RunOutput | TeamRunOutput] | AsyncIterator[Any]:
        """A run that has waited for approval, taken up from its rows alone. What a caller brings beyond its id (tools,
        requirements, a run of their own, input …) is refused: who allowed what is in the rows (engine/approvals.py)."""
        self._refuse(user_id, more | {"run_response": run_response, "continue_from": continue_from != "end"})
        try:
            identifier = UUID(run_id or "")
        except ValueError:
            raise NotFound("There is no such run.", code="run_not_found") from None
        if stream:
            return self._continued_stream(identifier, events=bool(stream_events), output=bool(yield_run_output))
        return self._continued(identifier)

    def run(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        raise TypeError("Agents of Opie run asynchronously: use arun, or AgentOSService.send_message in sync code.")

    def agno_run(self, asked: Asked) -> AsyncIterator[Any]:
        """Agno's own run, unrecorded: for the turn alone."""
        shape = self._want(asked, asked.wishes)
        events: AsyncIterator[Any] = super().arun(  # type: ignore[misc]
            input=asked.text,
            run_id=asked.run_id,
            session_id=asked.session_id,
            user_id=asked.user_id,
            stream=True,
            stream_events=True,
            yield_run_output=True,
        )
        return events if shape is None else in_shape(events, shape, self.model)

    def _want(self, asked: Asked, wishes: Wishes) -> Shape | None:
        """Have Agno give the model what was wished for; answers the shape that the answer has to fit."""
        if wishes.given:
            given = messages_given(wishes, self.opie_agent)
            self.additional_input = [*(self.additional_input or []), *given]
        shape = wishes.shape_for(self.opie_agent, stands_alone=asked.stands_alone)
        if shape is not None:
            self.markdown = False
            # A team always has tools: those that it delegates with.
            has_tools = bool(self.tools) or self.opie_agent.kind == AgentKind.TEAM
            is_metered = isinstance(self.model, MeteredModel)
            if not (is_metered and self.model.want(shape.schema, has_tools=has_tools)):
                told = instructions_for(shape.schema)
                self.also_told(told)
        return shape

    @property
    def tool_names(self) -> set[str]:
        """The tools this agent has by now, a host's own included."""
        return {name for tool in self.tools or [] for name in _names_of(tool)}

    def output_of_run(self, run_id: UUID, session_id: UUID) -> RunOutput | TeamRunOutput:
        """Agno's output of a run of this person's, with nothing in it yet."""
        kind = TeamRunOutput if self.opie_agent.kind == AgentKind.TEAM else RunOutput
        return kind(run_id=str(run_id), session_id=str(session_id), user_id=str(self.opie_principal.user_id))

    def agno_continue(self, output: RunOutput | TeamRunOutput, asked: Asked) -> AsyncIterator[Any]:
        """Agno's own run taken up where `output` stands, unrecorded: for the turn alone."""
        shape = self._want(asked, replace(asked.wishes, given=()))
        # The history is among its messages already, as the model had read it.
        self.add_history_to_context = False
        events: AsyncIterator[Any] = super().acontinue_run(  # type: ignore[misc]
            run_response=output, user_id=output.user_id, stream=True, stream_events=True, yield_run_output=True
        )
        return events if shape is None else in_shape(events, shape, self.model)

    def open(self, ask: Ask) -> Turn:
        """Open a turn, in sync code. It runs when `turn.start(agent.agno_run)`, or when its time comes."""
        return open_turn(self.opie_principal, self.opie_agent, replace(ask, may_be_free=self.may_be_free))

    @property
    def may_be_free(self) -> bool:
        """A spent budget does not keep anybody from a platform that costs nothing; the meter looks closer."""
        return isinstance(self.model, MeteredModel) and any(one.platform.is_local for one in self.model.candidates)

    def _checked(self, text: Any, user_id: str | None, background: bool, more: dict[str, Any]) -> str:
        self._refuse(user_id, more | {"background": background})
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput(fields={"message": ["Write a message."]})
        return text

    def _refuse(self, user_id: str | None, more: dict[str, Any]) -> None:
        refused = [name for name, value in more.items() if value]
        if user_id is not None and user_id != str(self.opie_principal.user_id):
            refused.append("user_id")
        if refused:
            raise InvalidInput(fields={name: ["This cannot be set from outside."] for name in refused})

    async def _open_for_agno(self, text: str, session_id: str | None) -> Turn:
        # Agno's caller waits for Agno's own events, which only this process has: it may not wait in line.
        identifier = UUID(session_id) if session_id else None
        if identifier and self.opie_may_name_new_session:
            return await rows.run(self.open, Ask(text, new_session_id=identifier, may_wait=False))
        return await rows.run(self.open, Ask(text, session_id=identifier, may_wait=False))

    async def _answered(self, text: str, session_id: str | None) -> RunOutput | TeamRunOutput:
        turn = await self._open_for_agno(text, session_id)
        produced: list[Any] = []
        turn.listener = produced.append
        turn.start(self.agno_run)
        return self._checked_output(await turn.result(), produced)

    async def _continued(self, run_id: UUID) -> RunOutput | TeamRunOutput:
        produced: list[Any] = []
        turn = await continue_own_run(self.opie_principal, self.opie_agent, run_id, produced.append)
        if turn is not None:
            return self._checked_output(await turn.result(), produced)
        return self._checked_output(await result_of_continued(self.opie_principal, self.opie_agent, run_id), produced)

    def _checked_output(self, result: RunResult, heard: list[Any]) -> RunOutput | TeamRunOutput:
        result.raise_for_failure()
        outputs = [event for event in heard if isinstance(event, RunOutput | TeamRunOutput)]
        return outputs[-1] if outputs else self._output_of(result)

    async def _streamed(self, text: str, session_id: str | None, *, events: bool, output: bool) -> AsyncIterator[Any]:
        turn = await self._open_for_agno(text, session_id)
        heard: asyncio.Queue[Any] = asyncio.Queue()
        turn.listener = heard.put_nowait
        turn.start(self.agno_run)
        async for event in self._passed_on(heard, turn.result(), events=events, output=output):
            yield event

    async def _continued_stream(self, run_id: UUID, *, events: bool, output: bool) -> AsyncIterator[Any]:
        heard: asyncio.Queue[Any] = asyncio.Queue()
        turn = await continue_own_run(self.opie_principal, self.opie_agent, run_id, heard.put_nowait)
        if turn is None:
            # It waits still, or goes on in another process, whose events are not Agno's any more.
            result = await result_of_continued(self.opie_principal, self.opie_agent, run_id)
            yield self._error_event(result, result.error) if result.error else self._state_event(result)
            if output:
                yield self._output_of(result)
            return
        async for event in self._passed_on(heard, turn.result(), events=events, output=output):
            yield event

    async def _passed_on(
        self, heard: "asyncio.Queue[Any]", result_to_come: Coroutine[Any, Any, RunResult], *, events: bool, output: bool
    ) -> AsyncIterator[Any]:
        ended = asyncio.ensure_future(result_to_come)
        ended.add_done_callback(lambda _: heard.put_nowait(None))
        produced: RunOutput | TeamRunOutput | None = None
        while (event := await heard.get()) is not None:
            if isinstance(event, RunOutput | TeamRunOutput):
                produced = event
            elif _may_be_passed_on(event, events):
                yield event
        result = ended.result()
        if result.error is not None:
            yield self._error_event(result, result.error)
        if result.is_for_person:
            yield self._state_event(result)
        if output:
            yield produced or self._output_of(result)

    def _state_event(self, result: RunResult) -> Any:
        """How a run stands, for a reader who did not hear its events: that it waits, or its whole answer."""
        of_team, output = self.opie_agent.kind == AgentKind.TEAM, self._output_of(result)
        names: dict[str, Any] = {"run_id": output.run_id, "session_id": output.session_id, "content": output.content}
        if result.status == "waiting":
            paused = TeamRunPausedEvent if of_team else RunPausedEvent
            return paused(**names, tools=output.tools, requirements=output.requirements)
        return (TeamRunCompletedEvent if of_team else RunCompletedEvent)(**names)

    def _error_event(self, result: RunResult, error: dict[str, str]) -> Any:
        kind = TeamRunErrorEvent if self.opie_agent.kind == AgentKind.TEAM else RunErrorEvent
        return kind(
            content=error["message"],
            error_type=error["code"],
            run_id=str(result.run_id),
            session_id=str(result.session_id),
        )

    def _output_of(self, result: RunResult) -> RunOutput | TeamRunOutput:
        output = self.output_of_run(result.run_id, result.session_id or result.run_id)
        output.content, output.status = result.content, _AGNO_STATUS.get(result.status, RunStatus.error)
        waits = [one for one in result.approvals or [] if one["status"] == "pending"]
        output.tools = [
            ToolExecution(one["tool_call_id"], one["name"], one["arguments"], requires_confirmation=True)
            for one in waits
        ] or None
        output.requirements = [RunRequirement(tool) for tool in output.tools or []] or None
        return output


_AGNO_STATUS = {"cancelled": RunStatus.cancelled, "completed": RunStatus.completed, "waiting": RunStatus.paused}


def _names_of(tool: Any) -> list[str]:
    if isinstance(tool, Function):
        return [tool.name]
    if isinstance(tool, Toolkit):
        return [*tool.functions, *tool.async_functions]
    return [tool.__name__] if callable(tool) else []


def _may_be_passed_on(event: Any, all_events: bool) -> bool:
    """Agno's own error events carry the text of whatever was raised: ours takes their place. Pieces of an answer that
    say nothing are for us (which vendor wrote it), and clients that join contents stumble over them."""
    if isinstance(event, OutputRefused | OutputAccepted):
        return False
    name = str(getattr(event, "event", "")).removeprefix("Team")
    if name == "RunContent":
        return any(getattr(event, part, None) for part in ("content", "reasoning_content", "citations", "image"))
    return name != "RunError" and all_events


class RecordedAgent(RecordsItself, AgnoAgent):  # type: ignore[misc] # one signature for all of Agno's overloads
    """An agent of Opie's."""


class RecordedTeam(RecordsItself, AgnoTeam):  # type: ignore[misc]
    """A team of Opie's: its members answer within its run."""
