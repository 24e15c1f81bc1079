"""What hosts want to know of people across conversations: schemas, each a pydantic model whose every field has a default.

Here is what fits one: how changes are merged into what is known, what is too much, and what was registered wrongly.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from apps.api.errors import Fields, InvalidInput
from apps.opie.models.profiles import LONGEST_NAME
from apps.opie.registering import problem_of_function
from apps.opie.storable import clean_json

# Of a list, where its field says nothing nearer; of one text; of all of a profile, as JSON.
MOST_ITEMS, LONGEST_TEXT, MOST_BYTES = 20, 200, 4_000
Kind = Literal["text", "whole number", "yes or no", "choice", "texts", "group"]
_PLAIN: Mapping[Any, Kind] = {str: "text", int: "whole number", bool: "yes or no"}


@dataclass(frozen=True, slots=True)
class MemorySchema:
    """One as it was registered. `subject_kind` names whose it is where the conversation is verified for one; without,
    or with none verified, it is the user's."""

    name: str
    schema: type[BaseModel]
    agent_ids: tuple[str, ...]
    label: str
    subject_kind: str | None = "customer"
    after: Callable[..., Mapping[str, Any] | None] | None = None


SCHEMAS: dict[str, MemorySchema] = {}
# Those whose name was taken already.
TAKEN: list[MemorySchema] = []


def schema_of(name: str) -> MemorySchema:
    """Raises LookupError for a name that nobody registered: a mistake of the host's code."""
    if name not in SCHEMAS:
        raise LookupError(f"No memory schema {name!r} is registered.")
    return SCHEMAS[name]


def schemas_of(agent_id: str) -> list[MemorySchema]:
    return [one for one in SCHEMAS.values() if agent_id in one.agent_ids]


def read(wanted: MemorySchema, data: Mapping[str, Any]) -> BaseModel:
    """What is stored, as the schema is now: what it does not take any more is left out."""
    known = {name: value for name, value in data.items() if name in wanted.schema.model_fields}
    try:
        return wanted.schema.model_validate(known)
    except ValidationError as error:
        wrong = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
        return wanted.schema.model_validate({name: value for name, value in known.items() if name not in wrong})


def merged(wanted: MemorySchema, before: BaseModel, changes: Mapping[str, Any], *, adds: bool) -> BaseModel:
    """What is known, with the changes. With `adds`, lists grow at their front and lose what is oldest; without, they are
    put in the place of the old. Raises InvalidInput, naming each field that does not fit."""
    data = before.model_dump(mode="json")
    unknown = sorted(changes.keys() - wanted.schema.model_fields.keys())
    if unknown:
        raise InvalidInput(fields={name: ["There is no such field."] for name in unknown})
    for name, value in clean_json(dict(changes)).items():
        old = data[name]
        if adds and isinstance(old, list) and isinstance(value, list):
            value = _newest_first([*value, *old])[: _most_of(wanted.schema.model_fields[name])]
        elif isinstance(old, dict) and isinstance(value, dict):
            value = old | value
        data[name] = value
    return _checked(wanted, data)


def without(wanted: MemorySchema, before: BaseModel, items: Mapping[str, Collection[str]]) -> BaseModel:
    """What is known, without these items of its lists, whatever their case; of items that are not there nothing is said.
    Raises InvalidInput, naming each field that is no list of texts."""
    data, fields = before.model_dump(mode="json"), wanted.schema.model_fields
    wrong = [name for name in items if name not in fields or kind_of(fields[name].annotation) != "texts"]
    if wrong:
        raise InvalidInput(fields={name: ["There is no such list."] for name in wrong})
    for name, gone in items.items():
        alike = {one.strip().casefold() for one in gone}
        data[name] = [one for one in data[name] or () if one.strip().casefold() not in alike]
    return _checked(wanted, data)


def stored(profile: BaseModel) -> dict[str, Any]:
    """What is kept of it: what differs from the defaults."""
    return profile.model_dump(mode="json", exclude_defaults=True)


def _checked(wanted: MemorySchema, data: dict[str, Any]) -> BaseModel:
    try:
        profile = wanted.schema.model_validate(data)
    except ValidationError as error:
        fields: Fields = {}
        for problem in error.errors(include_url=False, include_input=False):
            fields.setdefault(".".join(map(str, problem["loc"])), []).append(problem["msg"])
        raise InvalidInput(fields=fields) from None
    kept = stored(profile)
    for name, value in kept.items():
        if isinstance(value, list) and len(value) > MOST_ITEMS:
            raise InvalidInput(fields={name: [f"At most {MOST_ITEMS}."]})
        if any(len(text) > LONGEST_TEXT for text in _texts_in(value)):
            raise InvalidInput(fields={name: [f"At most {LONGEST_TEXT} characters each."]})
    if len(json.dumps(kept, ensure_ascii=False).encode()) > MOST_BYTES:
        raise InvalidInput("That is more than is kept of one person. Leave something out.")
    return profile


def _newest_first(values: list[Any]) -> list[Any]:
    """Each once, whatever its case."""
    once: dict[Any, Any] = {}
    for value in values:
        once.setdefault(value.strip().casefold() if isinstance(value, str) else json.dumps(value), value)
    return list(once.values())


def _most_of(field: FieldInfo) -> int:
    said: list[int] = [one.max_length for one in field.metadata if getattr(one, "max_length", None)]
    return min([MOST_ITEMS, *said])


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)


# --- what fields there may be ------------------------------------------------------------------------


def kind_of(annotation: Any) -> Kind | None:
    """How a field is asked for in a form; None for what cannot be."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType) and type(None) in inside and len(inside) == 2:
        return kind_of(next(one for one in inside if one is not type(None)))
    if origin is Literal and all(isinstance(one, str) for one in inside):
        return "choice"
    if origin is list and inside == (str,):
        return "texts"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "group"
    return None


def problems() -> list[str]:
    """What was registered wrongly, in words for whoever did."""
    twice = [f"The memory schema {one.name!r} is registered twice. Give one of them another name." for one in TAKEN]
    return twice + [
        f"The memory schema {one.name!r}: {problem}" for one in SCHEMAS.values() for problem in _problems_of(one)
    ]


def _problems_of(one: MemorySchema) -> Iterator[str]:
    if not re.fullmatch(rf"[a-z][a-z0-9_-]{{0,{LONGEST_NAME - 1}}}", one.name):
        yield "its name is of lower letters, digits, - and _."
    if one.subject_kind is not None and not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", one.subject_kind):
        yield "subject_kind is a short word such as customer, or None."
    if not one.agent_ids or not all(isinstance(agent_id, str) and len(agent_id) > 1 for agent_id in one.agent_ids):
        yield "agent_ids is a list of the agents' ids."
    if one.after is not None and (problem := problem_of_function(one.after, "run", "result")):
        yield f"after {problem}."
    given: Any = one.schema
    if isinstance(given, type) and issubclass(given, BaseModel):
        yield from _problems_of_fields(given, "", may_group=True)
    else:
        yield "it is no pydantic model."


def _problems_of_fields(schema: type[BaseModel], prefix: str, *, may_group: bool) -> Iterator[str]:
    for name, field in schema.model_fields.items():
        kind = kind_of(field.annotation)
        if field.is_required():
            yield f"{prefix}{name} has no default, and nothing is known of somebody new."
        if kind is None or (kind == "group" and not may_group):
            yield f"{prefix}{name} is neither text, whole number, yes or no, a choice of texts, a list of texts nor a group of these."
        elif kind == "group" and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _problems_of_fields(field.annotation, f"{name}.", may_group=False)
