"""Tools that agents can be given, by name.

A tool is a typed Python function, sync or async; its docstring tells the model what it does. A parameter annotated
`RunScope` is filled in by Opie (who is asking, in which session) and is never shown to the model. Sync tools may use
rows: they run on the executor of `rows.run`, so that no thread keeps a connection. What a tool wants the model and the
person to read when it fails is said by an OpieError; the text of any other exception stays in the log.
"""

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints

from agno.exceptions import AgentRunException
from agno.tools.function import Function

from apps.api.errors import OpieError
from apps.opie import rows
from apps.opie.scope import RunScope, require_scope

logger = logging.getLogger(__name__)

ToolFunction = Callable[..., Any]


class ToolFailed(Exception):  # noqa: N818 - it reads as what happened
    """A tool raised what nobody had foreseen. Its text may be shown; what was raised is logged."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as it was registered."""

    name: str
    label: str
    function: ToolFunction

    @property
    def description(self) -> str:
        return inspect.getdoc(self.function) or ""


TOOLS: dict[str, Tool] = {}


def register_tool(function: ToolFunction, *, label: str, name: str | None = None) -> ToolFunction:
    """Offer a function to agents under its name. Registering another function under a name that is taken raises
    ValueError; the same one twice is fine."""
    tool = Tool(name or function.__name__, label, function)
    known = TOOLS.setdefault(tool.name, tool)
    if known.function is not function:
        raise ValueError(f"A tool named {tool.name!r} is registered already, by {known.function.__module__}.")
    return function


def known_tools() -> list[Tool]:
    return sorted(TOOLS.values(), key=lambda tool: tool.label)


def functions_for(names: Iterable[str]) -> list[Any]:
    """Agno's functions for these tools, in order. Names that nobody registers (any more) are left out."""
    return [_agno_function(TOOLS[name]) for name in names if name in TOOLS]


def _agno_function(tool: Tool) -> Function:
    return Function.from_callable(_callable_for_model(tool.name), name=tool.name)


@functools.cache
def _callable_for_model(name: str) -> Callable[..., Awaitable[Any]]:
    function = TOOLS[name].function
    hints = get_type_hints(function)
    signature = inspect.signature(function)
    hidden = {parameter for parameter, hint in hints.items() if hint is RunScope}

    @functools.wraps(function)
    async def call(**arguments: Any) -> Any:
        given = arguments | dict.fromkeys(hidden, require_scope())
        try:
            if inspect.iscoroutinefunction(function):
                return await function(**given)
            return await rows.run(function, **given)
        except (OpieError, AgentRunException):
            raise
        except Exception as error:
            # Agno shows the text of whatever is raised to the model, and the model to the person.
            logger.exception("the tool %s failed", name)
            raise ToolFailed(f"The tool {name} could not be used because of a fault inside it.") from error

    shown = [parameter for name, parameter in signature.parameters.items() if name not in hidden]
    call.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter: hint for parameter, hint in hints.items() if parameter not in hidden}
    return call
