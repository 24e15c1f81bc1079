"""What a model is told when it calls a tool with arguments that do not fit: which is wrong, and which there are.

Agno checks arguments by pydantic and shows the model its error as it is, with a link to pydantic's site.
"""

import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from agno.tools.function import Function
from pydantic import ValidationError

from apps.api.errors import InvalidInput
from apps.opie.storable import clean_texts

MOST_PROBLEMS, LONGEST_PROBLEM = 5, 300
_UNKNOWN = "unexpected_keyword_argument"
_MISSING = ("missing_argument", "missing_keyword_only_argument", "missing")
_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
}


def refusing_plainly(function: Function) -> Callable[..., Awaitable[Any]]:
    """What the function calls, refusing arguments in a sentence. What a tool raises of pydantic's inside must not leave it
    as such."""
    checked = function.entrypoint
    assert checked is not None  # noqa: S101 - it was made from a callable

    # With what is marked on it: Agno sees that it is checked already.
    @functools.wraps(checked)
    async def call(**arguments: Any) -> Any:
        try:
            # As it is kept of the call: a tool is given nothing that no row could hold.
            return await checked(**clean_texts(_numbers_as_text(function.parameters, arguments)))
        except ValidationError as error:
            raise InvalidInput(refusal(function, error)) from None

    return call


def _numbers_as_text(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Models like to give 7 where the text "7" is wanted, of ids above all: that is no reason to refuse a call."""
    properties: Mapping[str, Any] = parameters.get("properties") or {}
    return {
        name: str(value) if type(value) in (int, float) and _takes_text_alone(properties.get(name) or {}) else value
        for name, value in arguments.items()
    }


def _takes_text_alone(about: Mapping[str, Any]) -> bool:
    kinds = {one.get("type") for one in about.get("anyOf") or [about]}
    return "string" in kinds and kinds <= {"string", "null"} and not about.get("enum")


def refusal(function: Function, error: ValidationError) -> str:
    """In words for the model, and for the person who reads what was called."""
    problems = list(dict.fromkeys(_problems(error)))
    left = len(problems) - MOST_PROBLEMS
    told = " ".join(problems[:MOST_PROBLEMS]) + (f" And {left} more." if left > 0 else "")
    return f"{function.name} cannot be called like that. {told} {_what_there_is(function.parameters)}"


def _problems(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        name = ".".join(map(str, one["loc"]))[:LONGEST_PROBLEM]
        if one["type"] == _UNKNOWN:
            yield f"There is no argument {name}."
        elif one["type"] in _MISSING:
            yield f"The argument {name} is missing."
        else:
            said = one["msg"][:1].lower() + one["msg"][1:LONGEST_PROBLEM]
            yield f"The argument {name} does not fit: {said}."


def _what_there_is(parameters: Mapping[str, Any]) -> str:
    properties: Mapping[str, Any] = parameters.get("properties") or {}
    if not properties:
        return "It takes no arguments."
    needed = set(parameters.get("required") or ())
    return f"It takes {', '.join(_told(name, about, name in needed) for name, about in properties.items())}."


def _told(name: str, about: Mapping[str, Any], is_needed: bool) -> str:
    kinds = " or ".join(dict.fromkeys(_kinds(about))) or "anything"
    return f"{name} ({kinds})" if is_needed else f"{name} ({kinds}, optional)"


def _kinds(about: Mapping[str, Any]) -> Iterator[str]:
    for one in about.get("anyOf") or [about]:
        said = one.get("type")
        if choices := one.get("enum"):
            yield "one of " + "/".join(map(str, choices))
        elif said != "null":
            yield from (_KINDS.get(kind, kind) for kind in ([said] if isinstance(said, str) else said or ()))
