"""How the tools of the specialists write: Markdown tables and numbers, the same everywhere."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from apps.api.errors import InvalidInput

MOST_ROWS = 200
LONGEST_TEXT = 100_000


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table. What stands in a cell cannot end it."""
    lines = [_line(headers), _line(["---"] * len(headers))]
    return "\n".join([*lines, *(_line(row) for row in rows)])


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def number(value: float | Decimal, places: int = 2) -> str:
    """With thousands apart, and without zeros that say nothing."""
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def percent(value: float | Decimal, places: int = 1) -> str:
    """A share of 1 as a percentage."""
    return f"{number(value * 100, places)} %"


def require(items: Sequence[Any], what: str, *, least: int = 1, most: int = MOST_ROWS) -> None:
    """Raises InvalidInput for too few or too many."""
    if not least <= len(items) <= most:
        raise InvalidInput(f"Give between {least} and {most} {what}, not {len(items)}.")


def require_text(text: str, what: str) -> str:
    """The text without space around it. Raises InvalidInput for none and for too much."""
    if not text.strip():
        raise InvalidInput(f"Give {what}: it is empty.")
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"Give {what} in parts: at most {LONGEST_TEXT} characters at once.")
    return text.strip()


def require_finite(**values: float) -> None:
    """Raises InvalidInput for what is no number."""
    if wrong := [name for name, value in values.items() if not math.isfinite(value)]:
        raise InvalidInput(f"{', '.join(wrong)}: give a number.")


def require_none(problems: Sequence[str]) -> None:
    """Raises InvalidInput with every problem at once, if there is any."""
    if problems:
        raise InvalidInput(" ".join(problems))


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(cell: Any) -> str:
    return " ".join(str(cell).split()).replace("|", "\\|")
