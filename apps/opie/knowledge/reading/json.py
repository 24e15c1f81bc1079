"""JSON as lines a person can read: `path: value`, and the objects of a list as rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from apps.opie.knowledge.reading import encodings
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened
from apps.opie.knowledge.reading.section import Location, Section, heading_path
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable

Names = tuple[str, ...]
_LONGEST_FIRST = 2**20


def read(path: Path, limits: Limits) -> Iterator[Found]:
    if path.stat().st_size > limits.whole_bytes and not _is_lines(path):
        raise Unreadable(Reason.TOO_LARGE)
    if _is_lines(path):
        yield Opened()
        yield from _of_lines(path, limits)
        return
    value = _parsed(encodings.decoded(path.read_bytes()), limits)
    yield Opened()
    yield from _sections(value, "", (), limits.json_depth)


def _is_lines(path: Path) -> bool:
    """Whether there is a whole object or list in the first line, and another in the second."""
    first = list(islice(encodings.lines(path, _LONGEST_FIRST), 2))
    try:
        return len(first) == 2 and all(isinstance(json.loads(line), dict | list) for line in first)
    except (ValueError, RecursionError):
        return False


def _of_lines(path: Path, limits: Limits) -> Iterator[Section]:
    for number, line in enumerate(encodings.lines(path, limits.whole_bytes), start=1):
        if line.strip():
            text = _row(_parsed(line, limits), limits.json_depth)
            yield Section(text, Location(row=number))


def _parsed(text: str, limits: Limits) -> Any:
    """The value. Numbers stay as they are written."""
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        raise _too_deep(limits.json_depth) from None
    except ValueError as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(Reason.DAMAGED, f"This is no valid JSON{line}. Correct it and upload it again.") from None


def _too_deep(depth: int) -> Unreadable:
    return Unreadable(Reason.BOMB, f"JSON is read down to {depth} levels, and this is nested deeper.")


def _sections(value: Any, pointer: str, names: Names, depth: int) -> Iterator[Section]:
    if depth <= 0:
        raise _too_deep(len(names))
    if isinstance(value, dict):
        yield from _of_object(value, pointer, names, depth)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        yield from _of_list(value, pointer, names, depth)
    else:
        yield Section(_line(names, value), Location(path=pointer))


def _of_object(value: dict[str, Any], pointer: str, names: Names, depth: int) -> Iterator[Section]:
    """Its plain values together, then what is inside it."""
    plain = {name: one for name, one in value.items() if _is_plain(one)}
    if plain:
        text = "\n".join(_line((*names, name), one) for name, one in plain.items())
        yield Section(text, Location(heading=heading_path(names[:1]), path=pointer))
    for name, one in value.items():
        if name not in plain:
            yield from _sections(one, f"{pointer}/{_escaped(name)}", (*names, name), depth - 1)


def _of_list(value: list[Any], pointer: str, names: Names, depth: int) -> Iterator[Section]:
    for at, one in enumerate(value):
        text = _row(one, depth - 1)
        yield Section(text, Location(heading=heading_path(names), path=f"{pointer}/{at}"))


def _row(value: Any, depth: int) -> str:
    return " | ".join(_flat(value, (), depth))


def _flat(value: Any, names: Names, depth: int) -> Iterator[str]:
    if depth <= 0:
        raise _too_deep(len(names))
    if _is_plain(value):
        yield _line(names, value)
        return
    inner = value.items() if isinstance(value, dict) else ((str(at), one) for at, one in enumerate(value, start=1))
    for name, one in inner:
        yield from _flat(one, (*names, name), depth - 1)


def _is_plain(value: Any) -> bool:
    """A single value, or a list of single values."""
    if isinstance(value, list):
        return not any(isinstance(one, dict | list) for one in value)
    return not isinstance(value, dict)


def _line(names: Names, value: Any) -> str:
    written = ", ".join(_single(one) for one in value) if isinstance(value, list) else _single(value)
    return f"{'.'.join(names)}: {written}" if names else written


def _single(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
    return str(value)


def _escaped(name: str) -> str:
    """As JSON pointers write it."""
    return name.replace("~", "~0").replace("/", "~1")
