"""What can be said about a local model beside its name: which agents it answers for, and how it is asked."""

import re
from collections.abc import Callable, Mapping
from typing import Any

MOST_AGENTS = 200
MOST_TOKENS = 1_000_000
_AGENT_ID = re.compile(r"[-a-zA-Z0-9_]{1,64}")


class UnusableParameters(ValueError):  # noqa: N818 - it reads as what happened
    """Parameters that are none; the text says which, and what would be."""


def checked_parameters(given: Any) -> dict[str, Any]:
    """The parameters, when every one of them is known and in its bounds. Raises UnusableParameters."""
    if not isinstance(given, Mapping):
        raise UnusableParameters(f"Parameters are an object of {', '.join(_CHECKS)}.")
    if unknown := sorted(str(name) for name in given if name not in _CHECKS):
        raise UnusableParameters(f"There is no parameter {', '.join(unknown)}. There are: {', '.join(_CHECKS)}.")
    return {name: _CHECKS[name](value) for name, value in given.items() if value is not None}


def _agents(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_AGENTS:
        raise UnusableParameters(f"agents is a list of at most {MOST_AGENTS} agent ids.")
    for one in value:
        if not isinstance(one, str) or not _AGENT_ID.fullmatch(one):
            raise UnusableParameters("agents is a list of agent ids, such as music_agent.")
    return list(dict.fromkeys(value))


def _temperature(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2:
        raise UnusableParameters("temperature is a number from 0 to 2.")
    return float(value)


def _max_tokens(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_TOKENS:
        raise UnusableParameters(f"max_tokens is a whole number from 1 to {MOST_TOKENS}.")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "agents": _agents,
    "temperature": _temperature,
    "max_tokens": _max_tokens,
}
