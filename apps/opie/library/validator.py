"""Whether what was written in a command's blanks can be used: every error at once, each naming its parameter."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.api.errors import Fields, InvalidInput
from apps.opie.library.kinds import KINDS, Unfit
from apps.opie.library.parameters import Parameter, read_parameters

REQUIRED = "This is required."


class ParameterValidator:
    """Validates values against parameters: Parameter objects, or their definitions as JSON.

    Raises UnusableParameters for definitions that cannot be used.
    """

    def __init__(self, parameters: Sequence[Parameter] | Sequence[Mapping[str, Any]]) -> None:
        read = [one for one in parameters if isinstance(one, Parameter)]
        self.parameters = read if len(read) == len(parameters) else read_parameters(list(parameters))

    def validate(self, values: Any) -> dict[str, Any]:
        """The values as they are rendered and kept, defaults among them; what has no value is not among them.

        Raises InvalidInput whose `fields` name each parameter that is wrong, missing or unknown.
        """
        if not isinstance(values, Mapping):
            raise InvalidInput(fields={"parameters": ["Send an object: a value for each parameter, by name."]})
        clean, problems = self.check(values)
        if problems:
            raise InvalidInput("Some parameters cannot be used. Look at the fields named here.", fields=problems)
        return clean

    def check(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], Fields]:
        """The values that are right, with defaults, and what is wrong with the others."""
        known = {parameter.name for parameter in self.parameters}
        problems: Fields = {
            str(name): [f"There is no such parameter.{_known(self.parameters)}"] for name in values if name not in known
        }
        clean: dict[str, Any] = {}
        for parameter in self.parameters:
            try:
                value = _clean(parameter, values.get(parameter.name))
            except Unfit as unfit:
                problems[parameter.name] = [str(unfit)]
            else:
                if value is not None:
                    clean[parameter.name] = value
        return clean, problems

    def read_form(self, sent: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], Fields]:
        """A form's texts as JSON values, checked as `check` does; `sent` holds what was written, by name, and nothing
        of it that is no parameter's is looked at."""
        values: dict[str, Any] = {}
        unreadable: Fields = {}
        for parameter in self.parameters:
            try:
                values[parameter.name] = KINDS[parameter.type].from_form(sent.get(parameter.name, ()))
            except Unfit as unfit:
                unreadable[parameter.name] = [str(unfit)]
        clean, problems = self.check(values)
        for name in unreadable:
            clean.pop(name, None)
        return clean, problems | unreadable

    def write_form(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Values that are right, as the texts that a form shows: `read_form` reads them back."""
        shown = {}
        for parameter in self.parameters:
            value = values.get(parameter.name)
            shown[parameter.name] = [] if value is None else KINDS[parameter.type].to_form(value)
        return shown


def _clean(parameter: Parameter, value: Any) -> Any:
    """The value, or its default; None for none. Raises Unfit."""
    if value is None:
        value = parameter.default
    if value is None or _is_empty(value):
        if parameter.required:
            raise Unfit(REQUIRED)
        # An optional blank that is left empty is as good as not there, whatever length it would need.
        return None if value is None else _empty(parameter, value)
    return parameter.clean(value)


def _is_empty(value: Any) -> bool:
    return (isinstance(value, str) and not value.strip()) or (isinstance(value, list | tuple | dict) and not value)


def _empty(parameter: Parameter, value: Any) -> Any:
    """Empty text stays, so that it can stand for "not the default"; emptiness of another type is no value."""
    fits_type = {"string": str, "text": str, "multiple_choice": list, "json": list | dict}
    if isinstance(value, fits_type.get(parameter.type, ())):
        return type(value)()
    return parameter.clean(value)


def _known(parameters: Sequence[Parameter]) -> str:
    names = ", ".join(parameter.name for parameter in parameters)
    return f" There are: {names}." if names else " This command takes none."
