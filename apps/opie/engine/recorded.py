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
from agno.run.agent import RunErrorEvent, RunOutput
from agno.run.base import RunStatus
from agno.run.team import RunErrorEvent as TeamRunErrorEvent
from agno.run.team import TeamRunOutput
from agno.team import Team as AgnoTeam
from agno.tools import Toolkit
from agno.tools.function import Function

from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput
from apps.opie.engine.opening import Ask
from apps.opie.engine.outcome import RunResult
from apps.opie.engine.turn import Turn, open_turn
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind
from apps.opie.providers.metered import MeteredModel


class RecordsItself:
    """Mixed into Agno's Agent and Team. The builder sets the three attributes."""

    opie_agent: Agent
    opie_principal: Principal
    # AgentOS makes up a session id where the caller names none; a session that the caller names must exist.
    model: Any
    tools: Any
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

    def acontinue_run(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        raise Conflict("A run cannot be continued from here.", code="not_offered")

    def run(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        raise TypeError("Agents of Opie run asynchronously: use arun, or AgentOSService.send_message in sync code.")

    def agno_run(self, text: str, run_id: str, session_id: str, user_id: str) -> AsyncIterator[Any]:
        """Agno's own run, unrecorded: for the turn alone."""
        events: AsyncIterator[Any] = super().arun(  # type: ignore[misc]
            input=text,
            run_id=run_id,
            session_id=session_id,
            user_id=user_id,
            stream=True,
            stream_events=True,
            yield_run_output=True,
        )
        return events

    @property
    def tool_names(self) -> set[str]:
        """The tools this agent has by now, a host's own included."""
        return {name for tool in self.tools or [] for name in _names_of(tool)}

    def output_of_run(self, run_id: UUID, session_id: UUID) -> RunOutput | TeamRunOutput:
        """Agno's output of a run of this person's, with nothing in it yet."""
        kind = TeamRunOutput if self.opie_agent.kind == AgentKind.TEAM else RunOutput
        return kind(run_id=str(run_id), session_id=str(session_id), user_id=str(self.opie_principal.user_id))

    def agno_continue(self, output: RunOutput | TeamRunOutput) -> AsyncIterator[Any]:
        """Agno's own run taken up where `output` stands, unrecorded: for the turn alone."""
        # The history is among its messages already, as the model had read it.
        self.add_history_to_context = False
        events: AsyncIterator[Any] = super().acontinue_run(  # type: ignore[misc]
            run_response=output, user_id=output.user_id, stream=True, stream_events=True, yield_run_output=True
        )
        return events

    async def open(self, ask: Ask) -> Turn:
        """Open a turn. It runs when `turn.start(agent.agno_run)`, or when its time comes."""
        return await open_turn(self.opie_principal, self.opie_agent, replace(ask, may_be_free=self.may_be_free))

    @property
    def may_be_free(self) -> bool:
        """A spent budget does not keep anybody from a platform that costs nothing; the meter looks closer."""
        return isinstance(self.model, MeteredModel) and any(one.platform.is_local for one in self.model.candidates)

    def _checked(self, text: Any, user_id: str | None, background: bool, more: dict[str, Any]) -> str:
        refused = [name for name, value in more.items() if value]
        if background:
            refused.append("background")
        if user_id is not None and user_id != str(self.opie_principal.user_id):
            refused.append("user_id")
        if refused:
            raise InvalidInput(fields={name: ["This cannot be set from outside."] for name in refused})
        if not isinstance(text, str) or not text.strip():
            raise InvalidInput(fields={"message": ["Write a message."]})
        return text

    async def _open_for_agno(self, text: str, session_id: str | None) -> Turn:
        # Agno's caller waits for Agno's own events, which only this process has: it may not wait in line.
        identifier = UUID(session_id) if session_id else None
        if identifier and self.opie_may_name_new_session:
            return await self.open(Ask(text, new_session_id=identifier, may_wait=False))
        return await self.open(Ask(text, session_id=identifier, may_wait=False))

    async def _answered(self, text: str, session_id: str | None) -> RunOutput | TeamRunOutput:
        turn = await self._open_for_agno(text, session_id)
        produced: list[RunOutput | TeamRunOutput] = []
        turn.listener = lambda event: produced.append(event) if isinstance(event, RunOutput | TeamRunOutput) else None
        turn.start(self.agno_run)
        result = await turn.result()
        result.raise_for_failure()
        return produced[-1] if produced else self._output_of(result)

    async def _streamed(self, text: str, session_id: str | None, *, events: bool, output: bool) -> AsyncIterator[Any]:
        turn = await self._open_for_agno(text, session_id)
        heard: asyncio.Queue[Any] = asyncio.Queue()
        turn.listener = heard.put_nowait
        turn.start(self.agno_run)
        ended = asyncio.ensure_future(turn.result())
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
        if output:
            yield produced or self._output_of(result)

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
    name = str(getattr(event, "event", "")).removeprefix("Team")
    if name == "RunContent":
        return any(getattr(event, part, None) for part in ("content", "reasoning_content", "citations", "image"))
    return name != "RunError" and all_events


class RecordedAgent(RecordsItself, AgnoAgent):  # type: ignore[misc] # one signature for all of Agno's overloads
    """An agent of Opie's."""


class RecordedTeam(RecordsItself, AgnoTeam):  # type: ignore[misc]
    """A team of Opie's: its members answer within its run."""
