"""The command library: prompts worth keeping, with blanks that are filled in, checked and run.

What is used of it from outside is named here, and loaded when it is first used: running a command brings Agno with it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.opie.library.executor import CommandExecutor
    from apps.opie.library.parameters import UnusableParameters
    from apps.opie.library.registry import CommandRegistry
    from apps.opie.library.template import TemplateRenderer, UnusableTemplate
    from apps.opie.library.validator import ParameterValidator
    from apps.opie.models.commands import CommandTemplate

__all__ = [
    "CommandExecutor",
    "CommandRegistry",
    "CommandTemplate",
    "ParameterValidator",
    "TemplateRenderer",
    "UnusableParameters",
    "UnusableTemplate",
]

_HOMES = {
    "CommandExecutor": "apps.opie.library.executor",
    "CommandRegistry": "apps.opie.library.registry",
    "CommandTemplate": "apps.opie.models.commands",
    "ParameterValidator": "apps.opie.library.validator",
    "TemplateRenderer": "apps.opie.library.template",
    "UnusableParameters": "apps.opie.library.parameters",
    "UnusableTemplate": "apps.opie.library.template",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
