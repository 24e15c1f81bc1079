"""Input data as the text that an agent is asked: the same data, the same text. Values are data, and stay recognisable
as such: what has more than a line stands in a fence that nothing in it can close."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from apps.api.errors import InvalidInput
from apps.opie.engine.asking import checked_message

# What is asked, where the input says so in words; the rest is what it is asked about.
QUESTIONS = ("task", "instructions", "question", "message", "prompt")
LONGEST_LINE = 200
_FENCES = re.compile(r"`{3,}")


def text_of(input_data: Mapping[str, Any] | str, context: Mapping[str, Any]) -> str:
    """The question: what is asked, then the data by name, then the context. Raises InvalidInput for what is empty, too
    long, or not JSON."""
    if isinstance(input_data, str):
        input_data = {"message": input_data}
    if not isinstance(input_data, Mapping) or not input_data:
        raise InvalidInput(fields={"input_data": ["Write an object with at least one value."]})
    asked = [str(input_data[name]) for name in QUESTIONS if isinstance(input_data.get(name), str)]
    rest = {name: value for name, value in input_data.items() if not (name in QUESTIONS and isinstance(value, str))}
    try:
        parts = [*asked, *_named(rest)]
        if context:
            parts.append("\n".join(("Context:", *_named(context))))
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(fields={"input_data": ["It has to be JSON, and not nested too deeply."]}) from None
    return checked_message("\n\n".join(part for part in parts if part.strip()), field="input_data")


def _named(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{_one_line(str(name))}:{_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        short = len(value) <= LONGEST_LINE and "\n" not in value
        return f" {value}" if short else _fenced(value, "")
    if isinstance(value, dict | list):
        return _fenced(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), "json")
    return f" {json.dumps(value, allow_nan=False)}"


def _fenced(text: str, language: str) -> str:
    longest = max((len(found) for found in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"\n{fence}{language}\n{text}\n{fence}"


def _one_line(name: str) -> str:
    return " ".join(name.split())[:LONGEST_LINE]
