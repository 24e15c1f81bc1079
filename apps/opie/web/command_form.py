"""The form of a command: a field for each parameter, and what was written in them as parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from apps.api.errors import Fields, InvalidInput
from apps.opie.library.parameters import Parameter, read_parameters
from apps.opie.library.validator import ParameterValidator
from apps.opie.models import CommandTemplate

# The fields' names, as the REST API names them in what it refuses.
PREFIX = "parameters."
LONG_LINE = 100


@dataclass(frozen=True, slots=True)
class ParameterField:
    """One parameter as a form shows it, with what is written in it and what is wrong with that."""

    name: str
    type: str
    label: str
    help: str
    widget: str
    required: bool
    texts: list[str]
    choices: list[str]
    attributes: dict[str, Any]
    problems: list[str]

    @property
    def id(self) -> str:
        return f"parameter-{self.name}"

    @property
    def sent_as(self) -> str:
        return PREFIX + self.name

    @property
    def text(self) -> str:
        return self.texts[0] if self.texts else ""

    @property
    def options(self) -> list[tuple[str, bool]]:
        """Each choice, and whether it is chosen."""
        return [(choice, choice in self.texts) for choice in self.choices]

    @property
    def described_by(self) -> str:
        """The ids of what explains it, for those who cannot see."""
        return f"{self.id}-help {self.id}-problem" if self.help else f"{self.id}-problem"


def form_of(
    command: CommandTemplate,
    texts: Mapping[str, Sequence[str]] | None = None,
    problems: Mapping[str, Sequence[str]] | None = None,
) -> list[ParameterField]:
    """The fields of a command, with their defaults or with these texts. Both maps are by the parameters' names."""
    return [_field(parameter, texts, problems or {}) for parameter in read_parameters(command.parameters)]


def texts_of(command: CommandTemplate, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Values that a run was made with, as texts for form_of; what the command takes no longer is left out, and so is
    what it would not take."""
    validator = ParameterValidator(command.parameters)
    usable, _ = validator.check(values)
    return validator.write_form(usable)


def sent_texts(sent: QueryDict) -> dict[str, list[str]]:
    """What a form of ours sent, by the parameters' names."""
    return {name.removeprefix(PREFIX): sent.getlist(name) for name in sent if name.startswith(PREFIX)}


def read_sent(command: CommandTemplate, texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The parameters that the texts mean. Raises InvalidInput whose fields are the parameters' names."""
    values, problems = ParameterValidator(command.parameters).read_form(texts)
    if problems:
        raise InvalidInput(fields=problems)
    return values


def by_parameter(fields: Fields) -> Fields:
    """What a use case refused, by the parameters' names."""
    return {name.removeprefix(PREFIX): texts for name, texts in fields.items()}


def _field(
    parameter: Parameter, texts: Mapping[str, Sequence[str]] | None, problems: Mapping[str, Sequence[str]]
) -> ParameterField:
    shown = parameter.field()
    initial = shown.pop("initial")
    # Lengths of 0 say nothing, and what a browser stops typing at should be what the server refuses.
    attributes = {name: value for name, value in shown.pop("attributes").items() if (name, value) != ("minlength", 0)}
    if shown["choices"] and shown["widget"] in ("text", "number"):
        shown["widget"] = "select"
    written = list(texts.get(parameter.name, ())) if texts is not None else initial
    return ParameterField(
        **shown, texts=written, attributes=attributes, problems=list(problems.get(parameter.name, ()))
    )
