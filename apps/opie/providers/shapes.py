"""Asking for an answer that fits a JSON Schema: by each vendor's own means where they can, and in words where not.

What a vendor answers to a schema it does not understand is an error. So only plain schemas are asked for by its means:
others are told in words, and whoever wanted the answer holds it against the schema in either case.
"""

import json
from dataclasses import dataclass
from typing import Any

from apps.opie.models.platforms import ApiType
from apps.opie.providers.snapshot import Candidate

INSTRUCTIONS = (
    "Answer with one JSON value that fits this JSON Schema, and with nothing else: no words before or after it, no code "
    "fence.\n{schema}"
)

_PLAIN = frozenset(
    {
        *("type", "properties", "required", "items", "enum", "const", "anyOf", "$ref", "$defs", "additionalProperties"),
        *("title", "description", "default", "examples", "format", "minimum", "maximum", "minItems", "maxItems"),
    }
)
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class WantedShape:
    """The schema that an answer has to fit: what MeteredModel hands on as `response_format`."""

    schema: dict[str, Any]


def instructions_for(schema: dict[str, Any]) -> str:
    """What a model is told that cannot be asked for the schema otherwise."""
    return INSTRUCTIONS.format(schema=json.dumps(schema, ensure_ascii=False))


def format_of_vendor(candidate: Candidate, wanted: WantedShape, *, has_tools: bool) -> Any:
    """The vendor's own way to ask for this shape; for some only that it be JSON; None where it has none."""
    native = native_format(candidate, wanted, has_tools=has_tools)
    if native is not None or not candidate.platform.supports_json_mode:
        return native
    speaks_like_openai = candidate.platform.api_type in (ApiType.OPENAI_COMPATIBLE, ApiType.LLAMACPP, ApiType.GPT4ALL)
    is_object = wanted.schema.get("type") == "object"
    return {"type": "json_object"} if speaks_like_openai and is_object and not has_tools else None


def native_format(candidate: Candidate, wanted: WantedShape, *, has_tools: bool) -> Any:
    """The vendor's own way to have an answer fit the schema; None where it has none, and where it might refuse."""
    api_type, schema = candidate.platform.api_type, wanted.schema
    if api_type == ApiType.OFFLINE:
        return {"type": "json_schema", "schema": schema}
    if not candidate.platform.supports_json_mode or not is_plain(schema):
        return None
    if api_type == ApiType.OPENAI and schema.get("type") == "object":
        asked = {"name": "output", "schema": schema, "strict": is_closed(schema)}
        return {"type": "json_schema", "json_schema": asked}
    if api_type == ApiType.ANTHROPIC and is_closed(schema, all_required=False) and _claude_can(candidate):
        from anthropic import transform_schema

        return {"type": "json_schema", "schema": transform_schema(schema)}
    # Gemini takes either tools or a shape.
    if api_type == ApiType.OLLAMA or (api_type == ApiType.GEMINI and not has_tools):
        return {"type": "json_schema", "schema": schema}
    return None


def is_plain(schema: Any) -> bool:
    """Whether every vendor understands all of it: keywords that all of them know, each part with a type."""
    if not isinstance(schema, dict) or not schema.keys() <= _PLAIN:
        return False
    if "$ref" not in schema and "anyOf" not in schema and schema.get("type") not in _TYPES and "enum" not in schema:
        return False
    if schema.get("type") == "object" and not schema.get("properties"):
        return False  # any object at all: some take this for an empty one
    if schema.get("type") == "array" and "items" not in schema:
        return False
    return not isinstance(schema.get("additionalProperties"), dict) and all(map(is_plain, _parts(schema)))


def is_closed(schema: dict[str, Any], *, all_required: bool = True) -> bool:
    """Whether every object in it has exactly the properties it names; else at least no others, if not all required."""
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return False
        if all_required and set(schema.get("required", ())) != set(schema["properties"]):
            return False
    return all(is_closed(part, all_required=all_required) for part in _parts(schema))


def _parts(schema: dict[str, Any]) -> list[Any]:
    named = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    return [*named, *schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]


def _claude_can(candidate: Candidate) -> bool:
    from apps.opie.providers.registry import get_registry

    model = get_registry()[candidate.platform.api_type].build(candidate, None)
    return bool(model.supports_native_structured_outputs)
