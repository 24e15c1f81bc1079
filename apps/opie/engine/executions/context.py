"""What an execution is given beside its input, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from apps.api.errors import InvalidInput
from apps.opie.engine.shapes import Shape
from apps.opie.engine.wishes import NONE, Given, Wishes
from apps.opie.models.output_schemas import UnusableSchema, checked_schema

MOST_GIVEN = 200
MOST_CHARACTERS_GIVEN = 400_000
ROLES = ("user", "assistant")
# Words for output_format that need no schema.
ANY_JSON, ANY_TEXT = "json", "text"

OutputFormat = Mapping[str, Any] | type[BaseModel] | str


@dataclass(frozen=True, slots=True)
class AgentContext:
    """`session_id` goes on with a session of the person's; `conversation_history` is what was said elsewhere, as
    `{"role": "user"|"assistant", "content"}`. `output_format` is a JSON Schema, a pydantic model, "json" or "text".
    `data` is told to the model beside the input."""

    session_id: UUID | str | None = None
    conversation_history: Sequence[Mapping[str, Any]] = ()
    output_format: OutputFormat | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: "AgentContext | Mapping[str, Any] | None") -> "AgentContext":
        """From a dict as REST has it; what it does not know by name is `data`. Raises InvalidInput."""
        if value is None or isinstance(value, AgentContext):
            return value or cls()
        if not isinstance(value, Mapping):
            raise InvalidInput(fields={"context": ["Write an object."]})
        known = {name: value[name] for name in ("session_id", "output_format") if value.get(name) is not None}
        data = {name: one for name, one in value.items() if name not in _KNOWN}
        return cls(**known, conversation_history=value.get("conversation_history") or (), data=data)


_KNOWN = frozenset({"session_id", "output_format", "conversation_history"})


def wishes_of(output_format: Any, context: AgentContext) -> Wishes:
    """What is asked for beside the question: the input's format before the context's. Raises InvalidInput."""
    given = _given(context.conversation_history)
    if given and context.session_id is not None:
        raise InvalidInput(
            fields={"context.conversation_history": ["A session has a history of its own: send one or the other."]}
        )
    name = "input_data.output_format" if output_format is not None else "context.output_format"
    wanted = output_format if output_format is not None else context.output_format
    if wanted is None:
        return Wishes(given=given) if given else NONE
    if wanted == ANY_TEXT:
        return Wishes(any_text=True, given=given)
    shape = _shape_of(wanted, name)
    return Wishes(shape.schema, given=given, model=shape.model)


def _shape_of(wanted: Any, name: str) -> Shape:
    try:
        if isinstance(wanted, type) and issubclass(wanted, BaseModel):
            return Shape.of_model(wanted)
        return Shape({"type": "object"} if wanted == ANY_JSON else checked_schema(wanted))
    except UnusableSchema as error:
        raise InvalidInput(fields={name: [f"{error} Or write json or text."]}) from None


def _given(history: Any) -> tuple[Given, ...]:
    name = "context.conversation_history"
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise InvalidInput(fields={name: ["Write a list of messages."]})
    if len(history) > MOST_GIVEN:
        raise InvalidInput(fields={name: [f"At most {MOST_GIVEN} messages."]})
    given = tuple(_message(one, f"{name}.{place}") for place, one in enumerate(history))
    if sum(len(one.content) for one in given) > MOST_CHARACTERS_GIVEN:
        raise InvalidInput(fields={name: [f"At most {MOST_CHARACTERS_GIVEN} characters in all."]})
    return given


def _message(one: Any, name: str) -> Given:
    content = one.get("content") if isinstance(one, Mapping) else None
    if not isinstance(content, str) or not content.strip() or "\x00" in content or one.get("role") not in ROLES:
        raise InvalidInput(fields={name: ['Write {"role": "user" or "assistant", "content": text}.']})
    return Given(one["role"], content)
