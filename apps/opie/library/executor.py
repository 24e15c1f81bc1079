"""Running a command: validate, render, choose an agent, run, record. The run is one like every other (engine/asking.py)."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_for
from apps.api.errors import Conflict, InvalidInput
from apps.opie import rows
from apps.opie.engine.asking import ATTEMPTS, ask_agent, checked_message, checked_session_id, require_may_run
from apps.opie.engine.loop import run_and_wait
from apps.opie.engine.opening import Ask, Beside
from apps.opie.engine.outcome import RunResult
from apps.opie.engine.turn import Turn
from apps.opie.engine.wishes import Wishes
from apps.opie.events import RunEvent
from apps.opie.library.choosing import ChosenAgent, agent_at_hand, dispatched_agent
from apps.opie.library.commands import visible_command
from apps.opie.library.template import renderer_for
from apps.opie.library.validator import ParameterValidator
from apps.opie.models import CommandTemplate
from apps.opie.models.commands import INSERT_EXECUTION, CommandStatus

_TELLS_OF_COMMAND = ("run.started", "run.finished", "run.failed", "run.cancelled", "run.interrupted")


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
    agent: ChosenAgent
    turn: Turn

    def as_json(self) -> dict[str, Any]:
        command = self.filled.command
        return {
            "slug": command.slug,
            "address": command.address,
            "name": command.name,
            "version": command.version,
            "parameters": self.filled.parameters,
            "agent_id": self.agent.agent_id,
            "chosen_by": self.agent.chosen_by,
        }

    def result_as_json(self, result: RunResult) -> dict[str, Any]:
        """The answer in the shape of send-message, with the command beside it."""
        return result.as_json() | {"command": self.as_json()}

    async def events(self) -> AsyncIterator[list[RunEvent]]:
        """The run's events; the first and the last tell of the command."""
        async for events in self.turn.events():
            yield [self._telling(event) if event.type in _TELLS_OF_COMMAND else event for event in events]

    def _telling(self, event: RunEvent) -> RunEvent:
        return replace(event, data=event.data | {"command": self.as_json()})


class CommandExecutor:
    """Acts for one person: a User (in their default team) or a Principal."""

    def __init__(self, user: User | Principal) -> None:
        self.principal = user if isinstance(user, Principal) else principal_for(user)

    def preview(self, address: str, parameters: Any) -> str:
        """The prompt as an agent would get it. Raises NotFound, InvalidInput naming each parameter that is wrong."""
        return self.fill(address, parameters).prompt

    def fill(self, address: str, parameters: Any) -> Filled:
        """The command with its blanks filled in. Sync; raises the same."""
        return fill(visible_command(self.principal, address), parameters)

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
        filled, chosen = await rows.run(self._fill_and_choose, address, parameters, agent_id)
        if chosen is None:
            chosen = await dispatched_agent(self.principal, filled.command, filled.prompt)
        ask = Ask(
            filled.prompt,
            session_id=session,
            on_its_own=session is None and not new_session,
            in_background=background,
            most_attempts=ATTEMPTS if background else 1,
            # What the answer looks like, the prompt says; an agent's own format is for its own tasks.
            wishes=Wishes(any_text=True),
            beside=_execution(filled),
        )
        return CommandRun(filled, chosen, await ask_agent(self.principal, chosen.agent_id, ask))

    def _fill_and_choose(
        self, address: str, parameters: Any, agent_id: str | None
    ) -> tuple[Filled, ChosenAgent | None]:
        filled = self.fill(address, parameters)
        if filled.command.status == CommandStatus.WITHDRAWN:
            raise Conflict("This command was withdrawn. Choose another one.", code="command_withdrawn")
        return filled, agent_at_hand(self.principal, filled.command, agent_id)


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
