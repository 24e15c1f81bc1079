"""The shapes of what the specialists answer when a program asks them: one JSON Schema (2020-12) each, by name."""

import functools
import json
from pathlib import Path
from typing import Any

from apps.opie.models.output_schemas import checked_schema

FOLDER = Path(__file__).parent


def get(name: str) -> dict[str, Any]:
    """The schema of this name; the caller's own copy. Raises LookupError for a name that is none."""
    if name not in names():
        raise LookupError(f"There is no output format named {name!r}. There are: {', '.join(names())}.")
    return checked_schema(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


@functools.cache
def names() -> tuple[str, ...]:
    """Every name, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
