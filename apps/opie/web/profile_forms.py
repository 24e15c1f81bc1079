"""Forms made from the hosts' memory schemas: a text, a number, a switch, a choice, or texts one a line for each field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from django import forms
from django.utils.translation import gettext as _
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.opie.engine.profile_schemas import LONGEST_TEXT, MOST_ITEMS, SCHEMAS, MemorySchema, kind_of
from apps.opie.engine.profiles import Person, memory_of, put
from apps.opie.models import Agent, MemoryProfile
from apps.opie.storable import clean_text

_OF_GROUP = "__"


class Texts(forms.CharField):
    """Texts, one a line: names have commas in them."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        texts = (text.strip() for text in clean_text(super().clean(value)).splitlines())
        return list(dict.fromkeys(text for text in texts if text))


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """A schema and its form, filled in with what is known."""

    wanted: MemorySchema
    form: forms.Form


def profiles_shown(principal: Principal, sent: forms.Form | None = None, name: str = "") -> list[ShownProfile]:
    """The schemas whose agents this person may talk to, and those by which something is known of them. `sent` takes the
    place of the form of that name."""
    if not SCHEMAS:
        return []
    served = set(Agent.objects.served_to(principal).values_list("agent_id", flat=True))
    known = set(MemoryProfile.objects.visible_to(principal).values_list("schema", flat=True))
    return [
        ShownProfile(one, sent if sent is not None and one.name == name else filled_form(principal, one))
        for one in SCHEMAS.values()
        if one.name in known or served.intersection(one.agent_ids)
    ]


def filled_form(principal: Principal, wanted: MemorySchema) -> forms.Form:
    known = memory_of(Person(principal), wanted.name)
    return form_of(wanted)(initial=dict(_flat(known.model_dump(mode="json"))), prefix=wanted.name)


def form_of(wanted: MemorySchema) -> type[forms.Form]:
    return type("ProfileForm", (forms.Form,), dict(_fields(wanted.schema)))


def save(principal: Principal, wanted: MemorySchema, form: forms.Form) -> bool:
    """Keep what was sent; false where it does not fit, and then the form says what."""
    if not form.is_valid():
        return False
    changes: dict[str, Any] = {}
    for name, value in form.cleaned_data.items():
        group, _divider, inner = name.rpartition(_OF_GROUP)
        (changes.setdefault(group, {}) if group else changes)[inner] = value
    try:
        put(Person(principal), wanted.name, changes)
    except InvalidInput as error:
        for name, problems in (error.fields or {"": [error.message]}).items():
            known = name.split(".")[0]
            form.add_error(known if known in form.fields else None, list(problems))
        return False
    return True


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}{_OF_GROUP}{inner}", one) for inner, one in value.items())
        else:
            yield name, value


def _fields(schema: type[BaseModel]) -> Iterator[tuple[str, forms.Field]]:
    for name, field in schema.model_fields.items():
        label = field.title or name.replace("_", " ").capitalize()
        if kind_of(field.annotation) == "group" and isinstance(field.annotation, type):
            for inner, made in _fields(field.annotation):
                made.label = f"{label}: {made.label}"
                yield f"{name}{_OF_GROUP}{inner}", made
        else:
            yield name, _field(field, label)


def _field(field: FieldInfo, label: str) -> forms.Field:
    kind = kind_of(field.annotation)
    shared: dict[str, Any] = {"label": label, "required": False}
    if kind == "yes or no":
        return forms.BooleanField(**shared, widget=forms.CheckboxInput(attrs={"class": "checkbox"}))
    if kind == "choice":
        choices = [(one, one or _("Not said")) for one in get_args(field.annotation)]
        return forms.ChoiceField(**shared, choices=choices, widget=forms.Select(attrs={"class": "select w-full"}))
    if kind == "whole number":
        return forms.IntegerField(**shared, widget=forms.NumberInput(attrs={"class": "input w-full"}))
    box = forms.TextInput(attrs={"class": "input w-full", "dir": "auto"})
    if kind == "texts":
        lines = forms.Textarea(attrs={"class": "textarea field-sizing-content w-full", "rows": 2, "dir": "auto"})
        return Texts(**shared, widget=lines, help_text=_("One a line."), max_length=MOST_ITEMS * LONGEST_TEXT)
    return forms.CharField(**shared, widget=box, max_length=LONGEST_TEXT)
