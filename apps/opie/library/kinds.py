"""The nine types of a parameter: what fits each, how it is said in a JSON Schema, and how in a form."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Protocol

LONGEST_STRING = 1_000
LONGEST_TEXT = 50_000
LARGEST_JSON = 50_000
DEEPEST_JSON = 20
# What JSON can carry between all programs without losing a digit.
LARGEST_INTEGER = 2**53 - 1
_CHECKED = ("true", "on", "yes", "1")
_UNCHECKED = ("", "false", "off", "no", "0")


class Unfit(ValueError):  # noqa: N818 - it reads as what happened
    """A value that cannot be used; its text tells a person what to write instead."""


class Limits(Protocol):
    """What a kind has to know of the parameter."""

    @property
    def min_length(self) -> int | None: ...
    @property
    def max_length(self) -> int | None: ...
    @property
    def min_value(self) -> Any: ...
    @property
    def max_value(self) -> Any: ...
    @property
    def allowed_values(self) -> tuple[Any, ...]: ...


class Kind:
    """One type. `limits` are those a parameter of it may have; `longest` is the most that a length may say."""

    name: ClassVar[str]
    widget: ClassVar[str]
    limits: ClassVar[frozenset[str]] = frozenset()
    longest: ClassVar[int] = 0

    def clean(self, limits: Limits, value: Any) -> Any:
        """The value as it is kept. Raises Unfit."""
        raise NotImplementedError

    def schema(self, limits: Limits) -> dict[str, Any]:
        raise NotImplementedError

    def attributes(self, limits: Limits) -> dict[str, Any]:  # noqa: ARG002
        """What a form's field is given beside its name."""
        return {}

    def from_form(self, texts: Sequence[str]) -> Any:
        """The JSON value that a form's texts mean; None for nothing. Raises Unfit."""
        return texts[0] if texts else None

    def to_form(self, value: Any) -> list[str]:
        """The texts that mean this value."""
        return [str(value)]


class Text(Kind):
    """Text of several lines."""

    name, widget, longest = "text", "textarea", LONGEST_TEXT
    limits = frozenset({"min_length", "max_length"})

    def clean(self, limits: Limits, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit("Write text.")
        text = with_plain_line_ends(storable(value))
        longest = self.longest if limits.max_length is None else limits.max_length
        if len(text) > longest:
            raise Unfit(f"At most {longest} characters; this has {len(text)}.")
        if limits.min_length is not None and len(text) < limits.min_length:
            raise Unfit(f"At least {limits.min_length} characters; this has {len(text)}.")
        return text

    def schema(self, limits: Limits) -> dict[str, Any]:
        least = {"minLength": limits.min_length} if limits.min_length else {}
        most = self.longest if limits.max_length is None else limits.max_length
        return {"type": "string", **least, "maxLength": most} | _enum(limits)

    def attributes(self, limits: Limits) -> dict[str, Any]:
        return {"minlength": limits.min_length or 0, "maxlength": limits.max_length or self.longest}

    def from_form(self, texts: Sequence[str]) -> Any:
        return with_plain_line_ends(texts[0]) if texts else None


class String(Text):
    """Text of one line."""

    name, widget, longest = "string", "text", LONGEST_STRING
    limits = frozenset({"min_length", "max_length", "allowed_values"})

    def clean(self, limits: Limits, value: Any) -> str:
        text = super().clean(limits, value)
        if "\n" in text:
            raise Unfit("One line only.")
        allowed(limits, text)
        return text

    def schema(self, limits: Limits) -> dict[str, Any]:
        return super().schema(limits) | {"pattern": "^[^\\n\\r]*$"}


class Number(Kind):
    name, widget = "number", "number"
    limits = frozenset({"min_value", "max_value", "allowed_values"})

    def clean(self, limits: Limits, value: Any) -> Any:
        if not is_number(value):
            raise Unfit("Write a number.")
        if limits.min_value is not None and value < limits.min_value:
            raise Unfit(f"At least {limits.min_value}.")
        if limits.max_value is not None and value > limits.max_value:
            raise Unfit(f"At most {limits.max_value}.")
        return allowed(limits, value)

    def schema(self, limits: Limits) -> dict[str, Any]:
        named = {"minimum": limits.min_value, "maximum": limits.max_value}
        return {"type": self.name} | {name: limit for name, limit in named.items() if limit is not None} | _enum(limits)

    def attributes(self, limits: Limits) -> dict[str, Any]:
        named = {"min": limits.min_value, "max": limits.max_value}
        return {"step": "any"} | {name: limit for name, limit in named.items() if limit is not None}

    def from_form(self, texts: Sequence[str]) -> Any:
        text = texts[0].strip() if texts else ""
        if not text:
            return None
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not is_number(value):
            raise Unfit("Write a number.")
        return value

    def to_form(self, value: Any) -> list[str]:
        return [json.dumps(value)]


class Integer(Number):
    name = "integer"

    def clean(self, limits: Limits, value: Any) -> int:
        # 3.0 is a whole number in JSON.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not is_whole(value) or abs(value) > LARGEST_INTEGER:
            raise Unfit("Write a whole number.")
        return int(super().clean(limits, value))

    def schema(self, limits: Limits) -> dict[str, Any]:
        return {"minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER} | super().schema(limits)

    def attributes(self, limits: Limits) -> dict[str, Any]:
        return super().attributes(limits) | {"step": 1}


class Boolean(Kind):
    name, widget = "boolean", "checkbox"

    def clean(self, limits: Limits, value: Any) -> bool:  # noqa: ARG002
        if not isinstance(value, bool):
            raise Unfit("Choose yes or no: send true or false.")
        return value

    def schema(self, limits: Limits) -> dict[str, Any]:  # noqa: ARG002
        return {"type": "boolean"}

    def from_form(self, texts: Sequence[str]) -> bool:
        """A box that is not checked is not sent."""
        text = texts[0].strip().lower() if texts else ""
        if text not in (*_CHECKED, *_UNCHECKED):
            raise Unfit("Choose yes or no.")
        return text in _CHECKED

    def to_form(self, value: Any) -> list[str]:
        return ["true"] if value else []


class Choice(Kind):
    """One of the allowed values."""

    name, widget = "choice", "select"
    limits = frozenset({"allowed_values"})

    def clean(self, limits: Limits, value: Any) -> Any:
        return allowed(limits, value)

    def schema(self, limits: Limits) -> dict[str, Any]:
        return {"type": "string"} | _enum(limits)

    def from_form(self, texts: Sequence[str]) -> Any:
        return texts[0] if texts and texts[0] else None


class MultipleChoice(Kind):
    """Some of the allowed values, in the order in which the definition names them."""

    name, widget, longest = "multiple_choice", "checkboxes", 100
    limits = frozenset({"allowed_values", "min_length", "max_length"})

    def clean(self, limits: Limits, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Unfit(f"Send a list of values out of: {_named(limits.allowed_values)}.")
        for one in value:
            allowed(limits, one)
        chosen = [one for one in limits.allowed_values if one in value]
        if len(chosen) < len(value):
            raise Unfit("The same value is chosen twice.")
        if limits.min_length is not None and len(chosen) < limits.min_length:
            raise Unfit(f"Choose at least {limits.min_length}.")
        if limits.max_length is not None and len(chosen) > limits.max_length:
            raise Unfit(f"Choose at most {limits.max_length}.")
        return chosen

    def schema(self, limits: Limits) -> dict[str, Any]:
        named = {"minItems": limits.min_length, "maxItems": limits.max_length}
        lengths = {name: limit for name, limit in named.items() if limit is not None}
        return {"type": "array", "items": {"type": "string"} | _enum(limits), "uniqueItems": True, **lengths}

    def from_form(self, texts: Sequence[str]) -> list[str]:
        return [text for text in texts if text]

    def to_form(self, value: Any) -> list[str]:
        return [str(one) for one in value]


class Date(Kind):
    """A day, as 2026-01-31."""

    name, widget = "date", "date"
    limits = frozenset({"min_value", "max_value"})

    def clean(self, limits: Limits, value: Any) -> str:
        try:
            day = date.fromisoformat(value).isoformat()
        except (TypeError, ValueError):
            day = ""
        # fromisoformat takes other spellings of a day as well.
        if not day or day != value:
            raise Unfit("Write a date as 2026-01-31.")
        if limits.min_value is not None and day < limits.min_value:
            raise Unfit(f"Not before {limits.min_value}.")
        if limits.max_value is not None and day > limits.max_value:
            raise Unfit(f"Not after {limits.max_value}.")
        return day

    def schema(self, limits: Limits) -> dict[str, Any]:
        # JSON Schema knows no first and last day; these two names are what form makers understand.
        named = {"formatMinimum": limits.min_value, "formatMaximum": limits.max_value}
        return {"type": "string", "format": "date"} | {name: day for name, day in named.items() if day is not None}

    def attributes(self, limits: Limits) -> dict[str, Any]:
        named = {"min": limits.min_value, "max": limits.max_value}
        return {name: day for name, day in named.items() if day is not None}

    def from_form(self, texts: Sequence[str]) -> Any:
        return texts[0].strip() or None if texts else None


class Json(Kind):
    """Any JSON: an object or a list, for the most part."""

    name, widget = "json", "json"

    def clean(self, limits: Limits, value: Any) -> Any:  # noqa: ARG002
        try:
            size = len(json.dumps(value, allow_nan=False, ensure_ascii=False))
        except (TypeError, ValueError, RecursionError):
            raise Unfit("Send JSON, and not too deep.") from None
        if size > LARGEST_JSON:
            raise Unfit(f"At most {LARGEST_JSON} characters; this has {size}.")
        _check_inside(value, 1)
        return value

    def schema(self, limits: Limits) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def from_form(self, texts: Sequence[str]) -> Any:
        text = texts[0].strip() if texts else ""
        if not text:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            if text[0] in '{["':
                raise Unfit("This is not JSON. Check quotes, commas and brackets, or write one item a line.") from None
        return _lines(text)

    def to_form(self, value: Any) -> list[str]:
        return [json.dumps(value, ensure_ascii=False, indent=2)]


def _lines(text: str) -> list[str]:
    """What a person means who writes a list as one does on paper. The pages' scripts read it alike."""
    return [line.strip() for line in text.split("\n") if line.strip()]


_ALL = (String(), Text(), Integer(), Number(), Boolean(), Choice(), MultipleChoice(), Date(), Json())
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """A number that JSON can carry; yes and no are none. So large an integer that a float cannot hold it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e300 and math.isfinite(value)


def storable(text: str) -> str:
    """The text. Raises Unfit for what PostgreSQL cannot keep."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Unfit("Text may not contain NUL or half of a surrogate pair.")
    return text


def with_plain_line_ends(text: str) -> str:
    """Browsers send \\r\\n for each line's end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def allowed(limits: Limits, value: Any) -> Any:
    """The value, if all are allowed or it is one of those. Raises Unfit."""
    # True is 1 to Python.
    if limits.allowed_values and (isinstance(value, bool | list | dict) or value not in limits.allowed_values):
        raise Unfit(f"Choose one of: {_named(limits.allowed_values)}.")
    return value


def _named(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _enum(limits: Limits) -> dict[str, Any]:
    return {"enum": list(limits.allowed_values)} if limits.allowed_values else {}


def _check_inside(value: Any, depth: int) -> None:
    if depth > DEEPEST_JSON:
        raise Unfit(f"At most {DEEPEST_JSON} levels deep.")
    if isinstance(value, str):
        storable(value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise Unfit("The names in an object have to be text.")
            storable(name)
            _check_inside(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_inside(inner, depth + 1)
    elif not (value is None or isinstance(value, bool) or is_number(value)):
        raise Unfit("Send JSON.")
