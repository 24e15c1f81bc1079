"""Whether a command's definition can be used: its template, its parameters, and both together. At save time, all of it."""

from typing import Any

from apps.api.errors import Fields, InvalidInput
from apps.opie.library.parameters import UnusableParameters, read_parameters
from apps.opie.library.template import TemplateRenderer, UnusableTemplate

LONGEST_EXAMPLE = 2_000


def check_definition(template: str, parameters: Any) -> list[dict[str, Any]]:
    """The parameters' definitions as they are kept, when every variable of the template is one of them.

    Raises InvalidInput: `template` names each problem with its line and column, `parameters.0.type` and the like each
    of a parameter.
    """
    problems: Fields = {}
    read = None
    try:
        read = read_parameters(parameters)
    except UnusableParameters as unusable:
        problems |= unusable.problems
    try:
        renderer = TemplateRenderer(template)
        if read is not None:
            renderer.check({parameter.name for parameter in read})
    except UnusableTemplate as unusable_template:
        problems["template"] = [str(problem) for problem in unusable_template.problems]
    if not template.strip():
        problems["template"] = ["Write a template."]
    if problems or read is None:
        raise InvalidInput("This command cannot be used. Look at the fields named here.", fields=problems)
    return [parameter.as_json() for parameter in read]
