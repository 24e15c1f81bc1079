"""The fields of a host's model as parameters of a tool, so that a model is told each with its type."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal

from django.db import models

from apps.opie.scope import RunScope
from apps.opie.tools.offered_models import ModelTools

# A model that is given more to choose from reads them as noise; the field itself says what it takes.
MOST_CHOICES = 50


def taking_fields(made: ModelTools, function: Callable[..., Any], does: str, *, is_change: bool) -> Callable[..., Any]:
    """The function with the fields that may be written as its parameters; a change names the row, and may empty fields."""
    hints: dict[str, Any] = {"scope": RunScope}
    defaults: dict[str, Any] = {}
    told = []
    if is_change:
        hints["id"] = str
        told.append("id: Its id, as the other tools say it.")
    for name, column in _columns(made):
        hints[name] = _type_of(column)
        if is_change or not must_be_given(column):
            hints[name], defaults[name] = hints[name] | None, None
        told.append(f"{name}: {_told_of(name, column)}")
    emptiable = tuple(name for name, column in _columns(made) if can_be_emptied(column))
    if is_change and emptiable:
        hints["empty"], defaults["empty"] = list[Literal.__getitem__(emptiable)] | None, None  # type: ignore[misc]
        told.append("empty: The fields to be left without a value.")
    function.__signature__ = inspect.Signature(_parameters(hints, defaults))  # type: ignore[attr-defined]
    function.__annotations__ = hints
    function.__doc__ = "\n".join([does, "", "Args:", *(f"    {line}" for line in told)])
    # `functools.wraps` of atomic leads to the function beneath, whose parameters are none of the model's business.
    function.__dict__.pop("__wrapped__", None)
    return function


def must_be_given(column: Any) -> bool:
    """Whether no row can be made without it: Django's own validation refuses it empty, and sets nothing itself."""
    return not (column.blank or column.has_default() or column.has_db_default())


def can_be_emptied(column: Any) -> bool:
    return bool(column.blank and (column.null or column.empty_strings_allowed))


def _parameters(hints: dict[str, Any], defaults: dict[str, Any]) -> list[inspect.Parameter]:
    none = inspect.Parameter.empty
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name, none), annotation=hint)
        for name, hint in hints.items()
    ]


def _columns(made: ModelTools) -> Iterable[tuple[str, Any]]:
    """Without those that are wrong: a system check tells of them."""
    known = {column.name: column for column in made.model._meta.get_fields() if isinstance(column, models.Field)}
    return [(name, known[name]) for name in made.write if name in known]


def _type_of(column: Any) -> Any:
    if isinstance(column, models.BooleanField):
        return bool
    if choices := tuple(value for value, _ in _choices_of(column)):
        return Literal.__getitem__(choices)
    if isinstance(column, models.IntegerField) and not column.is_relation:
        return int
    if isinstance(column, models.FloatField):
        return float
    return str  # dates, decimals, ids: read by the field itself


def _choices_of(column: Any) -> list[tuple[str | int, str]]:
    """What may be chosen, with what it is called; nothing where it is no text or number, or too much."""
    found = [(value, str(label)) for value, label in column.flatchoices or () if value not in (None, "")]
    fits = len(found) <= MOST_CHOICES and all(type(value) in (str, int) or isinstance(value, str) for value, _ in found)
    return [(value.value if isinstance(value, models.Choices) else value, label) for value, label in found if fits]


def _told_of(name: str, column: Any) -> str:
    about = str(getattr(column, "help_text", "") or getattr(column, "verbose_name", name)).rstrip(".")
    meanings = [
        f"{value} is {label}" for value, label in _choices_of(column) if str(value).casefold() != label.casefold()
    ]
    return ". ".join(filter(None, [about, ", ".join(meanings)])) + "."
