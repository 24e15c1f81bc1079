"""What the offline responder answers when a shape is asked for: the smallest value that fits, with its words in it."""

from typing import Any

DEEPEST = 12
# Of an optional part nothing is said, unless it is among the first few: a person who tries things out sees the shape.
MOST_PROPERTIES = 20


def example_of(schema: Any, text: str) -> Any:
    """A value made by the schema's rules alone. Where they are more than types, lengths and choices, it may not fit."""
    return _Example(schema if isinstance(schema, dict) else {}, text).of(schema, 0)


class _Example:
    def __init__(self, root: dict[str, Any], text: str) -> None:
        self._root, self._text = root, text

    def of(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict):
            return self._text
        if "$ref" in schema:
            return self.of(self._target(str(schema["$ref"])), depth + 1) if depth < DEEPEST else None
        for choices in ("enum", "examples"):
            if schema.get(choices):
                return schema[choices][0]
        for said in ("const", "default"):
            if said in schema:
                return schema[said]
        for several in ("anyOf", "oneOf", "allOf"):
            if schema.get(several):
                return self.of({**schema[several][0], **{k: v for k, v in schema.items() if k != several}}, depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                count = max(int(schema.get("minItems", 0)), int(depth < 2 and schema.get("maxItems") != 0))
                return [self.of(schema.get("items", {}), depth + 1) for _ in range(min(count, 100))]
            case "integer" | "number":
                return schema.get("minimum", min(0, schema.get("maximum", 0)))
            case "boolean":
                return False
            case "null":
                return None
        return self._words(schema)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        known = schema.get("properties", {})
        optional = [name for name in known if name not in required][:MOST_PROPERTIES] if depth < 2 else []
        return {name: self.of(known.get(name, {}), depth + 1) for name in [*required, *optional]}

    def _words(self, schema: dict[str, Any]) -> str:
        text = self._text.ljust(int(schema.get("minLength", 0)), ".")
        return text[: int(schema.get("maxLength", len(text)))]

    def _target(self, reference: str) -> Any:
        found: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            found = found.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
        return found
