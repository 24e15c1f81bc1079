"""Serializers that take what they name and nothing else."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

UNKNOWN_FIELD = "This field is not known here."
UNSTORABLE = "Text may not contain NUL or half of a surrogate pair."


class _Strict:
    """Refuses fields that are not declared, and text that PostgreSQL cannot keep."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            problems = self._problems(data)
            if problems:
                raise serializers.ValidationError(problems)
        return super().to_internal_value(data)  # type: ignore[misc]

    def _problems(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        writable = {name for name, field in self.fields.items() if not field.read_only}  # type: ignore[attr-defined]
        problems = {str(name): [UNKNOWN_FIELD] for name in data if name not in writable}
        for name in writable & data.keys():
            if is_unstorable(data[name]):
                problems[name] = [UNSTORABLE]
        return problems


def is_unstorable(value: Any) -> bool:
    left = [value]  # not by recursion: bodies may be nested deeply
    while left:
        one = left.pop()
        if isinstance(one, str):
            if "\x00" in one or any("\ud800" <= character <= "\udfff" for character in one):
                return True
        elif isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            left += one
    return False


class StrictSerializer(_Strict, serializers.Serializer[Any]):
    """A plain serializer that names every unknown field in its errors."""


class StrictModelSerializer(_Strict, serializers.ModelSerializer[Any]):
    """The same over a model. A read-only field that is sent is refused too: it would be ignored in silence."""
