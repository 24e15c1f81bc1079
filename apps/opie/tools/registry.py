"""Tools that agents can be given, by name.

A tool is a typed Python function, sync or async; its docstring tells the model what it does. A parameter annotated
`RunScope` is filled in by Opie (who is asking, in which session) and is never shown to the model. Sync tools may use
rows: they run by `rows.run_tool`, so that no thread keeps a connection. What a tool wants the model and the
person to read when it fails is said by an OpieError; the text of any other exception stays in the log.
"""

import functools
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints
from uuid import UUID

from agno.exceptions import AgentRunException
from agno.tools.function import Function
from pydantic import ConfigDict, ValidationError, create_model

from apps.accounts.principal import Principal
from apps.api.errors import Fields, InvalidInput, NotAllowed, OpieError
from apps.opie import rows
from apps.opie.models import AgentOSRun
from apps.opie.models.approval_rules import ApprovalRule
from apps.opie.scope import RunScope, require_scope
from apps.opie.tools.refusals import refusing_plainly

logger = logging.getLogger(__name__)

ToolFunction = Callable[..., Any]
# Says who may use a tool.
Audience = Callable[[Principal], bool]


class ToolFailed(Exception):  # noqa: N818 - it reads as what happened
    """A tool raised what nobody had foreseen. Its text may be shown; what was raised is logged."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as it was registered. With a rule of approval, whichever agent has the tool, its calls wait.

    One that `reads_only` changes nothing anywhere: a run that called only such tools may be tried again. Without an
    `audience` it is for everybody who may talk to an agent that has it.
    """

    name: str
    label: str
    function: ToolFunction
    approval: ApprovalRule | None = None
    reads_only: bool = False
    audience: Audience | None = None

    @property
    def description(self) -> str:
        return inspect.getdoc(self.function) or ""

    def is_for(self, principal: Principal | None) -> bool:
        return self.audience is None or (principal is not None and self.audience(principal))


TOOLS: dict[str, Tool] = {}
# Those whose name was taken already: a system check tells of them.
TAKEN: list[Tool] = []


def register_tool(
    function: ToolFunction,
    *,
    label: str,
    name: str | None = None,
    approval: ApprovalRule | None = None,
    reads_only: bool = False,
    audience: Audience | None = None,
) -> ToolFunction:
    """Offer a function to agents under its name. With `approval`, a call of it always waits for a person's yes; say
    `reads_only` of one that changes nothing. For whom `audience` answers no, no agent has the tool.

    What is registered wrongly, or under a name that is taken, is said by the system check opie.E011; the same one twice
    is fine.
    """
    called = name or getattr(function, "__name__", None) or str(function)
    tool = Tool(called, label, function, approval, reads_only, audience)
    known = TOOLS.setdefault(tool.name, tool)
    if known.function is not function or known.approval != approval:
        TAKEN.append(tool)
    return function


def known_tools() -> list[Tool]:
    return sorted(TOOLS.values(), key=lambda tool: tool.label)


def functions_for(names: Iterable[str], waiting: Collection[str] = (), principal: Principal | None = None) -> list[Any]:
    """Agno's functions for these tools, in order; a call of those named in `waiting` pauses the run. Names that
    nobody registers (any more), and tools that are not for this person, are left out."""
    tools = [TOOLS[name] for name in names if name in TOOLS]
    return [_agno_function(tool, tool.name in waiting) for tool in tools if tool.is_for(principal)]


def checked_arguments(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the tool would take them. Raises InvalidInput naming each that it would not."""
    tool = TOOLS.get(name)
    if tool is None:
        raise InvalidInput(fields={"arguments": ["The arguments of this tool cannot be changed."]})
    try:
        taken = _arguments_of(name).model_validate(arguments)
    except ValidationError as error:
        raise InvalidInput(fields=_problems(error)) from None
    dumped: dict[str, Any] = taken.model_dump(mode="json", exclude_unset=True)
    return dumped


def _problems(error: ValidationError) -> Fields:
    fields: Fields = {}
    for one in error.errors(include_url=False, include_input=False):
        fields.setdefault(".".join(["arguments", *map(str, one["loc"])]), []).append(one["msg"])
    return fields


@functools.cache
def _arguments_of(name: str) -> Any:
    """A model of what the tool takes: its parameters without those that Opie fills in."""
    function = TOOLS[name].function
    hints = get_type_hints(function)
    fields: dict[str, Any] = {
        parameter.name: (
            hints.get(parameter.name, Any),
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter in inspect.signature(function).parameters.values()
        if hints.get(parameter.name) is not RunScope
    }
    return create_model(f"Arguments of {name}", __config__=ConfigDict(extra="forbid"), **fields)


def _note_deed(run_id: UUID) -> None:
    """Before something is changed: whatever happens afterwards, the run is not tried again."""
    AgentOSRun.objects.filter(pk=run_id, has_acted=False).update(has_acted=True)


def _agno_function(tool: Tool, waits: bool) -> Function:
    function = Function.from_callable(_callable_for_model(tool.name), name=tool.name)
    function.requires_confirmation = waits or None
    return function


@functools.cache
def _callable_for_model(name: str) -> Callable[..., Awaitable[Any]]:
    function = TOOLS[name].function
    hints = get_type_hints(function)
    signature = inspect.signature(function)
    hidden = {parameter for parameter, hint in hints.items() if hint is RunScope}

    @functools.wraps(function)
    async def call(**arguments: Any) -> Any:
        scope = require_scope()
        given = arguments | dict.fromkeys(hidden, scope)
        # Asked again: hours may lie between the building of an agent and a call that somebody had to allow.
        if not TOOLS[name].is_for(scope.principal):
            raise NotAllowed("This tool is not for whoever asks.")
        if not TOOLS[name].reads_only and scope.run_id is not None:
            await rows.run(_note_deed, scope.run_id)
        try:
            if inspect.iscoroutinefunction(function):
                return _as_told(await function(**given))
            return _as_told(await rows.run_tool(function, **given))
        except (OpieError, AgentRunException):
            raise
        except Exception as error:
            # Agno shows the text of whatever is raised to the model, and the model to the person.
            logger.exception("the tool %s failed", name)
            raise ToolFailed(f"The tool {name} could not be used because of a fault inside it.") from error

    shown = [parameter for name, parameter in signature.parameters.items() if name not in hidden]
    call.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter: hint for parameter, hint in hints.items() if parameter not in hidden}
    return refusing_plainly(Function.from_callable(call, name=name))


def _as_told(answered: Any) -> Any:
    """Agno would write an object as Python does; a model is told JSON."""
    if isinstance(answered, dict | list):
        return json.dumps(answered, ensure_ascii=False, default=str)
    return answered
