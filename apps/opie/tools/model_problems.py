"""What is wrong with the models that hosts registered for tools, in words for whoever wrote them: opie.E003.

`rows`, `related` and `defaults` are called once for a person who is made up, to see what they answer. No row is read of it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from django.core.exceptions import FieldDoesNotExist, FieldError, ObjectDoesNotExist, PermissionDenied
from django.db import DatabaseError, models
from django.db.models import QuerySet

from apps.accounts.models import Role
from apps.accounts.permissions import permissions_of
from apps.accounts.principal import Principal
from apps.api.errors import OpieError
from apps.api.ids import uuid7
from apps.opie.registering import problem_of_function
from apps.opie.tools import model_tools
from apps.opie.tools.model_parameters import must_be_given
from apps.opie.tools.offered_models import READING, Action, ModelTools

_WRITING = ("create", "change")
_OWN_PARAMETERS = ("id", "scope", "empty")


def problems_of_models() -> Iterator[str]:
    yield from model_tools.UNUSABLE
    for made in model_tools.MODEL_TOOLS:
        yield from problems_of(made)


def problems_of(made: ModelTools) -> Iterator[str]:
    """Each in a sentence."""
    name = made.model.__name__
    for path in (*made.fields, *made.search):
        try:
            made.model._default_manager.values(path)
        except FieldError:
            yield f"{name} has no field {path!r}"
    for path in made.search:
        if _is_relation(made.model, path):
            yield f"{name}: search in a field of {path!r}, as in {path + '__name'!r}, and not in the relation"
    for field in made.write:
        yield from _problems_of_written(made, field)
    yield from _problems_of_actions(made)
    yield from _problems_of_rows(f"{name}: rows", made.rows, made.model)
    if made.may_write is not None and (problem := problem_of_function(made.may_write, "principal", "action")):
        yield f"{name}: may_write {problem}"
    yield from _problems_of_related(made)
    yield from _problems_of_creating(made)


def _problems_of_actions(made: ModelTools) -> Iterator[str]:
    name = made.model.__name__
    if unknown := [action for action in made.actions if action not in get_args(Action)]:
        yield f"{name}: there is no action {', '.join(map(str, unknown))}. There are {', '.join(get_args(Action))}"
    if not made.actions:
        yield f"{name}: name the actions, some of {', '.join(get_args(Action))}"
    if "find" in made.actions and not made.search:
        yield f"{name}: find needs `search`, the fields that it looks in"
    if not made.fields:
        yield f"{name}: name the fields that are shown"
    if set(_WRITING) & set(made.actions) and not made.write:
        yield f"{name}: create and change need `write`, the fields that may be set"
    if made.write and set(made.actions) <= set(READING):
        yield f"{name}: `write` is for create and change, which are not among the actions"


def _problems_of_written(made: ModelTools, name: str) -> Iterator[str]:
    called = f"{made.model.__name__}.{name}"
    try:
        column = made.model._meta.get_field(name)
    except FieldDoesNotExist:
        yield f"{made.model.__name__} has no field {name!r} that could be written"
        return
    if name in _OWN_PARAMETERS:
        yield f"{called}: a tool's own parameter has this name"
    if not isinstance(column, models.Field) or column.many_to_many or column.primary_key:
        yield f"{called} cannot be written by a tool"
    elif not column.editable:
        yield f"{called} is set by Django or your code (editable=False), and cannot be written by a tool"
    elif column.is_relation and name not in made.related:
        yield f"{called} leads to other rows: say which, with related={{{name!r}: …}}"


def _problems_of_related(made: ModelTools) -> Iterator[str]:
    for name, rows in made.related.items():
        if name not in made.write:
            yield f"{made.model.__name__}: related has {name!r}, which is not in `write`"
            continue
        column = {one.name: one for one in made.model._meta.get_fields()}.get(name)
        if column is not None and column.is_relation and isinstance(column.related_model, type):
            yield from _problems_of_rows(f"{made.model.__name__}: related[{name!r}]", rows, column.related_model)


def _problems_of_creating(made: ModelTools) -> Iterator[str]:
    name = made.model.__name__
    if "create" not in made.actions:
        if made.defaults is not None:
            yield f"{name}: `defaults` is for create, which is not among the actions"
        return
    own: Mapping[str, Any] = {}
    if made.defaults is not None:
        answered, problem = _answer_of(made.defaults)
        if problem is None and answered is not None and not isinstance(answered, Mapping):
            problem = f"answers {_kind(answered)}: a dict of fields and their values is wanted"
        if problem is not None or answered is None:
            yield from [f"{name}: defaults {problem}"] if problem else []
            return
        own = answered
    columns = {column.name: column for column in made.model._meta.concrete_fields}
    by_either = columns | {column.attname: column for column in columns.values()}
    set_by_itself = {by_either[key].name for key in own if key in by_either}
    if unknown := sorted(map(str, own.keys() - by_either.keys())):
        yield f"{name}: defaults has fields that it does not have: {', '.join(unknown)}"
    if both := sorted(set_by_itself & set(made.write)):
        yield f"{name}: {', '.join(both)} is in `write` and in defaults. What create sets itself, no model can write"
    given = set_by_itself | set(made.write)
    if missing := [key for key, column in columns.items() if must_be_given(column) and key not in given]:
        yield (
            f"{name}: nothing can be created without {', '.join(missing)}. Put it into `write`, or have it set with"
            f" defaults=lambda principal: {{{missing[0]!r}: …}}"
        )


def _problems_of_rows(called: str, rows: Any, model: type[models.Model]) -> Iterator[str]:
    found, problem = _answer_of(rows)
    if problem is not None:
        yield f"{called} {problem}"
    elif found is not None and not isinstance(found, QuerySet):
        yield f"{called} answers {_kind(found)}: a queryset of {model.__name__} is wanted"
    elif found is not None and found.model._meta.concrete_model is not model._meta.concrete_model:
        yield f"{called} answers rows of {found.model.__name__}: those of {model.__name__} are wanted"


def _answer_of(function: Callable[[Principal], Any]) -> tuple[Any, str | None]:
    """What it answers for somebody made up, and what is wrong with it; None and None where it has nothing for such."""
    if problem := problem_of_function(function, "principal"):
        return None, problem
    try:
        answered = function(_somebody())
    except (OpieError, ObjectDoesNotExist, PermissionDenied, DatabaseError):
        return None, None
    except Exception as error:  # noqa: BLE001 - whatever else a host's code raises is a mistake in it, and is told
        return None, f"raises {type(error).__name__}: {error}"
    return answered, "answers None" if answered is None else None


def _somebody() -> Principal:
    return Principal(
        user_id=uuid7(), email="somebody@example.com", team_id=uuid7(), role=Role.MEMBER.value,
        permissions=permissions_of(Role.MEMBER), scopes=None, api_key_id=None, is_staff=False, is_superuser=False,
        stamp="",
    )  # fmt: skip


def _is_relation(model: type[models.Model], path: str) -> bool:
    """Whether the path ends at a relation; not where it is no path of fields."""
    at: Any = model
    column: Any = None
    for part in path.split("__"):
        try:
            column = at._meta.get_field(part)
        except (FieldDoesNotExist, AttributeError):
            return False
        at = column.related_model
    return bool(column.is_relation)


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
