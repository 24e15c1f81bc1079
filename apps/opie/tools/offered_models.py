"""A host's model as it was registered for tools, and what the tools are called."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import models
from django.db.models import QuerySet
from django.utils import translation
from django.utils.text import slugify

from apps.accounts.principal import Principal

Action = Literal["list", "find", "get", "create", "change"]
READING: tuple[Action, ...] = ("list", "find", "get")
# The rows of this model that this person may see.
RowsFor = Callable[[Principal], QuerySet[Any]]
MayWrite = Callable[[Principal, Action], bool]
# Values that create sets itself, by field.
Defaults = Callable[[Principal], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ModelTools:
    """One model as it was registered."""

    model: type[models.Model]
    rows: RowsFor
    fields: tuple[str, ...]
    search: tuple[str, ...]
    write: tuple[str, ...]
    actions: tuple[str, ...]
    name: str
    plural: str
    may_write: MayWrite | None = None
    related: dict[str, RowsFor] = field(default_factory=dict)
    defaults: Defaults | None = None

    def tool_name(self, action: Action) -> str:
        return f"{action}_{self.plural if action in ('list', 'find') else self.name}"

    @property
    def called(self) -> str:
        return str(self.model._meta.verbose_name)


def plural_of(called: str | type[models.Model]) -> str:
    """What several are called in a tool's name: the model's `verbose_name_plural` where it says one, else as English does."""
    if not isinstance(called, str):
        said = ""
        if "verbose_name_plural" in called._meta.original_attrs:
            # A tool has one name, whatever language somebody reads.
            with translation.override(None):
                said = slugify(str(called._meta.verbose_name_plural)).replace("-", "_")
        return said or plural_of(called._meta.model_name or "")
    if re.search(r"(?:[sxz]|ch|sh)$", called):
        return f"{called}es"
    return f"{called[:-1]}ies" if re.search(r"[^aeiou]y$", called) else f"{called}s"
