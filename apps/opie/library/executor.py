"""Running a command: validate, render, choose an agent, run, record. The run is one like every other (engine/asking.py)."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_for
from apps.api.errors import Conflict, InvalidInput
from apps.opie import rows
from apps.opie.engine.asking import (
    ATTEMPTS,
    build_and_open,
    checked_message,
    checked_session_id,
    require_may_run,
)
from apps.opie.engine.loop import run_and_wait
from apps.opie.engine.opening import Ask, Beside
from apps.opie.engine.outcome import RunResult
from apps.opie.engine.turn import Turn
from apps.opie.engine.wishes import Wishes
from apps.opie.events import RunEvent
from apps.opie.library.choosing import ChosenAgent, agent_at_hand, dispatched_agent, why_it_answers
from apps.opie.library.commands import command_to_run
from apps.opie.library.template import renderer_for
from apps.opie.library.validator import ParameterValidator
from apps.opie.models import CommandTemplate
from apps.opie.models.commands import INSERT_EXECUTION, CommandStatus

if TYPE_CHECKING:
    from apps.opie.engine.recorded import RecordedAgent, RecordedTeam

_TELLS_OF_COMMAND = ("run.queued", "run.started", "run.finished", "run.failed", "run.cancelled", "run.interrupted")


@dataclass(frozen=True, slots=True)
class Filled:
    """A command with its blanks filled in."""

    command: CommandTemplate
    parameters: dict[str, Any]
    prompt: str


@dataclass(frozen=True, slots=True)
class CommandRun:
    """A command that runs, or waits for its time: its turn, and who answers and why."""

    filled: Filled
    chosen: ChosenAgent
    turn: Turn

    def as_json(self) -> dict[str, Any]:
        command = self.filled.command
        return {
            "slug": command.slug,
            "address": command.address,
            "name": command.name,
            "version": command.version,
            "parameters": self.filled.parameters,
            "agent_id": self.chosen.agent.agent_id,
            "agent_name": self.chosen.agent.name,
            "chosen_by": self.chosen.chosen_by,
            "why": self._why(),
        }

    def result_as_json(self, result: RunResult) -> dict[str, Any]:
        """The answer in the shape of send-message, with the command beside it."""
        return result.as_json() | {"command": self.as_json()}

    async def events(self) -> AsyncIterator[list[RunEvent]]:
        """The run's events; those that begin and end it tell of the command."""
        async for events in self.turn.events():
            yield [self._telling(event) if event.type in _TELLS_OF_COMMAND else event for event in events]

    def _why(self) -> str:
        dispatched = self.chosen.dispatched
        return dispatched.why if dispatched else why_it_answers(self.filled.command, self.chosen.agent)

    def _telling(self, event: RunEvent) -> RunEvent:
        return replace(event, data=event.data | {"command": self.as_json()})


if TYPE_CHECKING:
    _Opened = tuple["RecordedAgent | RecordedTeam", CommandRun]


class CommandExecutor:
    """Acts for one person: a User (in their default team) or a Principal."""

    def __init__(self, user: User | Principal) -> None:
        self.principal = user if isinstance(user, Principal) else principal_for(user)

    def preview(self, address: str, parameters: Any) -> str:
        """The prompt as an agent would get it. Raises NotFound, InvalidInput naming each parameter that is wrong."""
        return self.fill(address, parameters).prompt

    def fill(self, address: str, parameters: Any) -> Filled:
        """The command with its blanks filled in. Sync; raises the same."""
        return fill(command_to_run(self.principal, address), parameters)

    def execute(
        self,
        address: str,
        parameters: Any,
        *,
        session_id: UUID | str | None = None,
        agent_id: str | None = None,
        raise_failure: bool = True,
    ) -> RunResult:
        """Run a command and wait for the answer, in sync code. Raises like `open`, and what the platform failed with
        unless told not to; the failed run is recorded either way."""

        async def run() -> RunResult:
            opened = await self.open(address, parameters, session_id=session_id, agent_id=agent_id)
            return await opened.turn.result()

        result = run_and_wait(run())
        if raise_failure:
            result.raise_for_failure()
        return result

    async def open(
        self,
        address: str,
        parameters: Any,
        *,
        session_id: UUID | str | None = None,
        new_session: bool = False,
        agent_id: str | None = None,
        background: bool = False,
    ) -> CommandRun:
        """Start a command: as a task on its own, in a session of the person's, or in a new one; here, or on the worker.

        Raises NotAllowed, NotFound, InvalidInput (every parameter that is wrong at once), Conflict for a command that
        was withdrawn or that no agent fits, and what opening a turn raises.
        """
        require_may_run(self.principal)
        session = checked_session_id(session_id)
        place = Ask(
            session_id=session,
            on_its_own=session is None and not new_session,
            in_background=background,
            most_attempts=ATTEMPTS if background else 1,
            # What the answer looks like, the prompt says; an agent's own format is for its own tasks.
            wishes=Wishes(any_text=True),
            keeps_agent=True,
        )
        opened = await rows.run(self._fill_and_open, address, parameters, agent_id, place)
        if isinstance(opened, Filled):
            chosen = await dispatched_agent(self.principal, opened.command, opened.prompt)
            opened = await rows.run(self._open, opened, chosen, place)
        built, run = opened
        run.turn.start(built.agno_run)
        return run

    def _fill_and_open(self, address: str, parameters: Any, agent_id: str | None, place: Ask) -> "_Opened | Filled":
        """All that goes on in the rows, on one way to them; the filled command alone when somebody has to be chosen."""
        filled = self.fill(address, parameters)
        if filled.command.status == CommandStatus.WITHDRAWN:
            raise Conflict("This command was withdrawn. Choose another one.", code="command_withdrawn")
        chosen = agent_at_hand(self.principal, filled.command, agent_id)
        return filled if chosen is None else self._open(filled, chosen, place)

    def _open(self, filled: Filled, chosen: ChosenAgent, place: Ask) -> "_Opened":
        ask = replace(place, text=filled.prompt, beside=_execution(filled), dispatched=chosen.dispatched)
        built, turn = build_and_open(self.principal, chosen.agent, ask)
        return built, CommandRun(filled, chosen, turn)


def fill(command: CommandTemplate, parameters: Any) -> Filled:
    """A command's prompt with these values. Raises InvalidInput; its fields are `parameters.` and a name."""
    try:
        values = ParameterValidator(command.parameters).validate(parameters)
    except InvalidInput as error:
        raise InvalidInput(
            error.message, fields={_place(name): texts for name, texts in error.fields.items()}
        ) from None
    prompt = renderer_for(command.template).render(values).strip()
    return Filled(command, values, checked_message(prompt, "parameters"))


def _place(name: str) -> str:
    return name if name == "parameters" else f"parameters.{name}"


def _execution(filled: Filled) -> Beside:
    return Beside(
        INSERT_EXECUTION,
        {
            "command": filled.command.pk,
            "command_address": filled.command.address,
            "command_version": filled.command.version,
            "command_parameters": json.dumps(filled.parameters),
            "prompt_digest": hashlib.sha256(filled.prompt.encode()).hexdigest(),
        },
    )
