"""The command library: prompts worth keeping, with blanks that are filled in, checked and run."""

from apps.opie.library.template import TemplateRenderer, UnusableTemplate
from apps.opie.library.validator import ParameterValidator

__all__ = ["ParameterValidator", "TemplateRenderer", "UnusableTemplate"]
