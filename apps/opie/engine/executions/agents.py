"""Agents as a host's Python runs them: a row, with how its input becomes a question and its answer a result.

These are doors to the run life cycle, with nothing of their own between the question and the answer: whatever runs here
is opened, queued, metered and settled like a message of a chat. A host subclasses them and registers the subclass.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_for
from apps.api.errors import InvalidInput, OpieError, PlatformFailed
from apps.opie import rows
from apps.opie.engine.asking import ATTEMPTS, ask_agent, checked_attempts, checked_session_id
from apps.opie.engine.dispatched import Dispatched
from apps.opie.engine.executions.context import AgentContext, wishes_of
from apps.opie.engine.executions.prompts import text_of
from apps.opie.engine.executions.result import AgentResult
from apps.opie.engine.opening import Ask
from apps.opie.engine.outcome import OUTPUT_INVALID, RunResult, result_of_run
from apps.opie.engine.turn import Turn
from apps.opie.events import RunEvent
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind

InputData = Mapping[str, Any] | str
Context = AgentContext | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Execution:
    """One under way."""

    turn: Turn
    context: AgentContext
    ask: Ask


class BaseAgent:
    """One agent's row, ready to be executed.

    What a subclass may want different: `before` and `after` for what is done around an execution through these doors
    (hooks that are registered run around every run, whatever its door); `prepare_prompt`, `process_response` and
    `handle_error` for what goes in and comes out.
    """

    keeps_session: ClassVar[bool] = False

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    async def execute(
        self, input_data: InputData, user: User | Principal, context: Context = None, *, background: bool = False
    ) -> AgentResult:
        """Run the agent and wait for the end, or, in the background, leave it to the worker. A run that failed is a
        result with `success` False; what keeps it from beginning is raised: NotAllowed, NotFound, InvalidInput,
        Conflict, BudgetExceeded, LimitExceeded, Unavailable."""
        execution = await self.open(input_data, user, context, background=background)
        return await self.result_of(execution)

    async def execute_streaming(
        self, input_data: InputData, user: User | Principal, context: Context = None
    ) -> AsyncIterator[RunEvent | AgentResult]:
        """The run's events as they come and, last, its result. Leaving does not stop the run."""
        execution = await self.open(input_data, user, context)
        async for batch in execution.turn.events():
            for event in batch:
                yield event
            if any(event.type == "approval.required" for event in batch):
                break
        yield await self.result_of(execution)

    async def open(
        self,
        input_data: InputData,
        user: User | Principal,
        context: Context = None,
        *,
        background: bool = False,
        most_attempts: int = ATTEMPTS,
        dispatched: Dispatched | None = None,
    ) -> Execution:
        """Begin, and answer at once. `dispatched` says that this agent was chosen for it. Raises as `execute`."""
        principal = user if isinstance(user, Principal) else await rows.run(principal_for, user)
        context = AgentContext.of(context)
        ask = self.ask_for(await self.before(input_data, context), context)
        ask = replace(ask, dispatched=dispatched)
        if background:
            ask = replace(ask, in_background=True, most_attempts=checked_attempts(most_attempts))
        return Execution(await ask_agent(principal, self.agent.agent_id, ask), context, ask)

    async def result_of(self, execution: Execution) -> AgentResult:
        """What it came to, once it has ended or waits; of one in the background, how far it is."""
        turn = execution.turn
        run = await (rows.run(result_of_run, turn.run_id) if turn.opened.in_background else turn.result())
        return await self.after(self._finished(run, execution))

    def ask_for(self, input_data: InputData, context: AgentContext) -> Ask:
        """What is asked of the machinery. Raises InvalidInput, naming fields."""
        wanted = input_data.get("output_format") if isinstance(input_data, Mapping) else None
        if isinstance(input_data, Mapping):
            input_data = {name: value for name, value in input_data.items() if name != "output_format"}
        wishes = wishes_of(wanted, context)
        session_id = checked_session_id(context.session_id)
        return Ask(
            self.prepare_prompt(input_data, context),
            session_id=session_id,
            on_its_own=session_id is None and (not self.keeps_session or bool(wishes.given)),
            wishes=wishes,
            needs_agent=True,
        )

    async def before(self, input_data: InputData, context: AgentContext) -> InputData:  # noqa: ARG002
        """Called before an execution begins: the input as it is to be. Raises OpieError to refuse it."""
        return input_data

    async def after(self, result: AgentResult) -> AgentResult:
        """Called with the result: as it is to be answered."""
        return result

    def prepare_prompt(self, input_data: InputData, context: AgentContext) -> str:
        """The question that the model reads. Raises InvalidInput."""
        return text_of(input_data, context.data)

    def process_response(self, run: RunResult, context: AgentContext) -> Any:  # noqa: ARG002
        """The output of a run that completed. Raises OpieError for an answer that is of no use."""
        return run.shaped.get("output", run.content)

    def handle_error(self, error: OpieError, result: AgentResult) -> AgentResult:
        """What is answered for a run that failed: the failure, unless a host knows better."""
        return replace(result, success=False, error={"code": error.code, "message": error.message})

    def _finished(self, run: RunResult, execution: Execution) -> AgentResult:
        result = AgentResult.of_run(run)
        try:
            if result.success is False:
                run.raise_for_failure()
            if result.success:
                output = self.process_response(run, execution.context)
                return replace(result, output=_as_model(output, execution.ask.wishes.model))
        except OpieError as error:
            return self.handle_error(error, result)
        return result


class TaskAgent(BaseAgent):
    """One task in, one result out, without a session unless the context names one."""


class ConversationalAgent(BaseAgent):
    """Many turns: in a session, a new one unless the context names one. With a history that the caller brings along, an
    execution stands on its own."""

    keeps_session = True


def _as_model(output: Any, model: type[BaseModel] | None) -> Any:
    """As the pydantic model that was asked for. Raises PlatformFailed where another process, which does not have the
    model, took an output that only fits its schema."""
    try:
        return output if model is None else model.model_validate(output)
    except ValidationError:
        raise PlatformFailed("The output does not fit the model that was asked for.", code=OUTPUT_INVALID) from None


_classes: dict[str, type[BaseAgent]] = {}
_classes_of_kinds: dict[str, type[BaseAgent]] = {
    AgentKind.TASK: TaskAgent,
    AgentKind.CONVERSATIONAL: ConversationalAgent,
}


def register_agent_class(
    made_of: type[BaseAgent], *, agent_id: str | None = None, kind: AgentKind | str | None = None
) -> None:
    """Have this agent, or all of this kind, executed as this class. Said when the host's app is ready; an agent's own
    goes before its kind's. Raises ValueError where that is not said, or for a kind that is none."""
    if (agent_id is None) == (kind is None):
        raise ValueError("Name either the agent or the kind.")
    if agent_id is not None:
        _classes[agent_id] = made_of
    else:
        _classes_of_kinds[AgentKind(str(kind))] = made_of


def agents_with_classes() -> list[str]:
    return list(_classes)


def problems_of_classes() -> Iterator[str]:
    """What was registered wrongly, in words."""
    given: list[tuple[str, Any]] = [*_classes.items(), *_classes_of_kinds.items()]
    for name, made_of in given:
        if not (isinstance(made_of, type) and issubclass(made_of, BaseAgent)):
            yield f"register_agent_class of {name}: give a subclass of BaseAgent, TaskAgent or ConversationalAgent."


def executable(agent: Agent) -> BaseAgent:
    """The agent's row as the class that it is executed as."""
    made_of = _classes.get(agent.agent_id) or _classes_of_kinds.get(agent.kind, BaseAgent)
    return made_of(agent)


def principal_of(user: User | Principal) -> Principal:
    """Sync. Raises InvalidInput for what is neither."""
    if isinstance(user, Principal):
        return user
    if not isinstance(user, User):
        raise InvalidInput(fields={"user": ["Give a User or a Principal."]})
    return principal_for(user)
