"""What is wrong with the tools that were registered, in words for whoever wrote them: opie.E011.

A parameter that is not annotated as Opie's own is asked of the model, so what should come from Opie must not be taken for one.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from agno.utils.schema import AGNO_INJECTED_PARAMS, FRAMEWORK_INJECTED_PARAMS
from pydantic import PydanticUserError, TypeAdapter

from apps.accounts.principal import Principal
from apps.opie.models.approval_rules import ApprovalRule, UnreadableRules, read_rules
from apps.opie.registering import problem_of_function
from apps.opie.scope import RunScope
from apps.opie.tools import registry
from apps.opie.tools.registry import Tool

# What every platform takes.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_RESERVED = frozenset({*FRAMEWORK_INJECTED_PARAMS, *AGNO_INJECTED_PARAMS})
_UNNAMED = {
    inspect.Parameter.VAR_POSITIONAL: "*{0}: name each argument",
    inspect.Parameter.VAR_KEYWORD: "**{0}: name each argument",
    inspect.Parameter.POSITIONAL_ONLY: "{0} before a /: arguments are given by name, so take the / away",
}


def problems_of_tools() -> Iterator[str]:
    """Each in a sentence."""
    for tool in registry.TOOLS.values():
        for problem in (*_problems_of_itself(tool), *_problems_of_function(tool.function)):
            yield f"The tool {tool.name!r}: {problem}."
    for tool in registry.TAKEN:
        by = getattr(registry.TOOLS[tool.name].function, "__module__", "?")
        yield f"The tool {tool.name!r} is registered twice, first by {by}: say name= of one of them."


def _problems_of_itself(tool: Tool) -> Iterator[str]:
    name: Any = tool.name
    label: Any = tool.label
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield "no platform takes its name. Say name= with letters, digits, _ and -, 64 at most, a letter or _ first"
    if not isinstance(label, str) or not label.strip():
        yield "label is what people see it called: a text"
    if tool.approval is not None and (problem := _problem_of_rule(tool.approval)):
        yield problem
    if tool.audience is not None and (problem := problem_of_function(tool.audience, "principal")):
        yield f"audience {problem}, as in audience=lambda principal: principal.may(Permission.MANAGE_TEAM)"


def _problem_of_rule(rule: Any) -> str | None:
    if not isinstance(rule, ApprovalRule):
        return f"approval is an ApprovalRule, as in approval=ApprovalRule(by=ApprovalBy.MANAGER), not {rule!r}"
    try:
        read_rules({"approval": rule.as_json()})
    except UnreadableRules as error:
        return str(error).rstrip(".")
    except TypeError:
        return "approval: roles is a set of roles, as in ApprovalRule(roles=frozenset({'member'}))"
    return None


def _problems_of_function(function: Any) -> Iterator[str]:
    if not inspect.isroutine(function):
        yield f"give a function (def or async def), not {str(function)[:60]!r}"
        return
    if not (inspect.getdoc(function) or "").strip():
        yield "it has no docstring, and that is what tells the model when to call it and with what"
    try:
        hints, parameters = get_type_hints(function), inspect.signature(function).parameters
    except (NameError, AttributeError, TypeError, ValueError, SyntaxError) as error:
        yield f"its annotations cannot be read ({error}). Import what they name in its module, outside of TYPE_CHECKING"
        return
    for parameter in parameters.values():
        if problem := _problem_of_parameter(parameter, hints):
            yield problem


def _problem_of_parameter(parameter: inspect.Parameter, hints: dict[str, Any]) -> str | None:
    name, hint = parameter.name, hints.get(parameter.name)
    if parameter.kind in _UNNAMED:
        return f"it takes {_UNNAMED[parameter.kind].format(name)}"
    if hint is RunScope:
        return None
    if name == "scope" or _mentions(hint, RunScope):
        return f"the model is asked for {name}, which is to come from Opie. Write {name}: RunScope"
    if _mentions(hint, Principal):
        return f"the model is asked for {name}. Take scope: RunScope, and read scope.principal"
    if name in _RESERVED:
        return f"the argument {name} is never asked of a model: give it another name"
    if name not in hints:
        return f"{name} has no annotation. Say what the model is to give, as in {name}: int"
    return None if _can_be_told(hint) else f"{name} cannot be told to a model. {_WHAT_CAN}"


_WHAT_CAN = "Take text, a number, bool, a date, a Literal, a list or dict of these or a pydantic model: an id for a row"


def _mentions(hint: Any, kind: type) -> bool:
    return hint is kind or any(_mentions(inner, kind) for inner in get_args(hint))


def _can_be_told(hint: Any) -> bool:
    try:
        TypeAdapter(hint).json_schema()
    except (PydanticUserError, TypeError):
        return False
    return True
