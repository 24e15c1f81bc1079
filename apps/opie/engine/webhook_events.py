"""Events that other systems send: what a host makes of each type. Registered once, when the host's app is ready."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

from apps.accounts.principal import Principal
from apps.api.errors import Fields, InvalidInput, NotFound
from apps.opie.models import WebhookEvent
from apps.opie.registering import problem_of_function

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """What a handler is given. `data` is an object of the type's schema, or a dict where it has none; `principal` is
    the person whom the webhook acts for, with the rights they have by now."""

    principal: Principal
    event_type: str
    event_id: str
    data: Any
    received_at: datetime
    webhook_id: UUID
    webhook: str

    def own_session(self, session_id: UUID) -> UUID:
        """The session, if an earlier event of this webhook began it (its result has the `session_id`). Raises NotFound:
        a webhook reaches nobody's other conversations."""
        began = WebhookEvent.objects.filter(webhook=self.webhook_id, result__session_id=str(session_id))
        if not began.exists():
            raise NotFound("This webhook began no such session.", code="session_not_found")
        return session_id


# What it answers, if anything, is kept with the event as its result: JSON.
Handler = Callable[[IncomingEvent], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event as it was registered."""

    name: str
    handler: Handler
    schema: type[BaseModel] | None = None

    @property
    def example(self) -> dict[str, Any]:
        """Data for somebody who tries it out: the first of the schema's `examples`, as JSON Schema calls them, or none."""
        told = self.schema.model_config.get("json_schema_extra") if self.schema else None
        examples = told.get("examples") if isinstance(told, dict) else None
        first = examples[0] if isinstance(examples, list) and examples else None
        return dict(first) if isinstance(first, dict) else {}

    def validated(self, data: dict[str, Any]) -> Any:
        """The data as the handler takes it. Raises InvalidInput naming each field that does not fit."""
        if self.schema is None:
            return data
        try:
            return self.schema.model_validate(data)
        except ValidationError as error:
            raise InvalidInput(fields=_fields_of(error)) from None


_registered: list[EventType] = []


def register_webhook_event(event_type: str, handler: Handler, *, schema: type[BaseModel] | None = None) -> None:
    """Have `handler` called, by the worker, with each event of that type. It is sync, and runs in one transaction with
    marking the event as done: what it writes is there once, or not at all. An InvalidInput, NotFound, NotAllowed,
    Conflict or TooLarge that it raises is the end of the event; anything else is tried again.

    `schema` is a pydantic model that `data` has to fit, or the call is refused. What is registered wrongly is said by the
    system check opie.E006.
    """
    _registered.append(EventType(event_type, handler, schema))


def known_event_types() -> dict[str, EventType]:
    """The first of each name; a second is said by the check."""
    known: dict[str, EventType] = {}
    for one in _registered:
        known.setdefault(one.name, one)
    return known


def event_type_named(name: str) -> EventType:
    """Raises InvalidInput for one that nobody registers."""
    found = known_event_types().get(name)
    if found is None:
        raise InvalidInput(fields={"event_type": ["Nothing here takes events of this type."]})
    return found


def problems() -> Iterable[str]:
    """What is wrong with the registrations, in words for whoever wrote them."""
    taken: dict[str, EventType] = {}
    for one in _registered:
        yield from _problems_of(one.name, one.handler, one.schema)
        if taken.setdefault(str(one.name), one) != one:
            yield f"The webhook event {one.name!r} is registered twice."


def _problems_of(name: Any, handler: Any, schema: Any) -> Iterable[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{name!r} cannot be a webhook event: small letters, digits, - and _, 64 at most."
    if problem := problem_of_function(handler, "event"):
        yield f"The handler of the webhook event {name!r} {problem}."
    if schema is not None and not (inspect.isclass(schema) and issubclass(schema, BaseModel)):
        yield f"The schema of the webhook event {name!r} has to be a pydantic model."


def _fields_of(error: ValidationError) -> Fields:
    fields: Fields = {}
    for one in error.errors(include_url=False, include_input=False, include_context=False)[:_MOST_PROBLEMS]:
        fields.setdefault(".".join(["data", *map(str, one["loc"])]), []).append(
            one["msg"].removeprefix("Value error, ")
        )
    return fields
