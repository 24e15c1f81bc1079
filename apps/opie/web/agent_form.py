"""The form that makes and changes an agent: the fields of the REST API's agent, for people."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from apps.accounts.principal import Principal
from apps.opie.models import Agent, AIPlatform, KnowledgeBase
from apps.opie.models.agents import (
    DEFAULT_PRIORITY,
    HIGHEST_PRIORITY,
    AgentKind,
    AgentStatus,
    AgentVisibility,
)
from apps.opie.models.output_schemas import UnusableSchema, checked_schema
from apps.opie.models.tiers import AGENT_TIERS
from apps.opie.tools.registry import known_tools

CHOICES_OF_MODEL = 3
MOST_CAPABILITIES = 32
MOST_STARTERS = 8
CAPABILITY = re.compile(r"^[A-Z][A-Z0-9_]*$")
LONGEST_CAPABILITY = 64
LONGEST_STARTER = 200

_GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("What it is"), ("name", "agent_id", "description", "kind", "capabilities", "starters")),
    (_("What it is told"), ("system_prompt", "output_schema")),
    (
        _("What it answers through"),
        ("tier", "platform_1", "model_1", "platform_2", "model_2", "platform_3", "model_3", "local_only"),
    ),
    (_("What it may use"), ("tools", "knowledge_bases", "memory", "history_length", "temperature", "max_tokens")),
    (_("Who sees it"), ("visibility", "status", "priority")),
)
# Two of these stand side by side where there is room.
_NARROW = (
    "name",
    "agent_id",
    "platform_",
    "model_",
    "history_length",
    "temperature",
    "max_tokens",
    "visibility",
    "status",
    "priority",
)


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that belong together."""

    title: str
    fields: list[BoundField]

    @property
    def shown(self) -> Iterator[tuple[BoundField, bool]]:
        """Each field, and whether it takes the whole width."""
        for field in self.fields:
            yield field, not field.name.startswith(_NARROW)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, for the list at the top."""

    label: str
    text: str
    id_for_label: str


class Lines(forms.CharField):
    """Several values, one a line."""

    def __init__(self, *, most: int, longest: int, **kwargs: Any) -> None:
        self.most, self.longest = most, longest
        super().__init__(widget=forms.Textarea(attrs={"rows": 3, "class": "textarea w-full"}), required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > self.most:
            raise ValidationError(_("At most %(most)s lines."), params={"most": self.most})
        if any(len(line) > self.longest for line in lines):
            raise ValidationError(_("At most %(longest)s characters a line."), params={"longest": self.longest})
        return list(dict.fromkeys(lines))


class SchemaOfOutput(forms.JSONField):
    """A JSON Schema, or nothing."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 6, "class": "textarea w-full font-mono", "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """As it was typed, or laid out to be read."""
        if value is None or isinstance(value, str):
            return value or ""
        return json.dumps(value, indent=2, ensure_ascii=False)

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return data

    def clean(self, value: Any) -> Any:
        try:
            schema = super().clean(value)
            return None if schema is None else checked_schema(schema)
        except UnusableSchema as error:
            raise ValidationError(str(error)) from None
        except RecursionError:
            raise ValidationError(_("This is nested too deeply.")) from None


def _text(**kwargs: Any) -> forms.CharField:
    return forms.CharField(widget=forms.TextInput(attrs={"class": "input w-full", "dir": "auto"}), **kwargs)


def _choice(choices: Any, **kwargs: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices, widget=forms.Select(attrs={"class": "select w-full"}), **kwargs)


def _yes(**kwargs: Any) -> forms.BooleanField:
    return forms.BooleanField(required=False, widget=forms.CheckboxInput(attrs={"class": "checkbox"}), **kwargs)


class AgentForm(forms.Form):
    """Give it the principal and, to change one, the agent. `definition()` is what the use case takes."""

    name = _text(label=_("Name"), max_length=120)
    agent_id = forms.SlugField(
        label=_("Id"),
        max_length=64,
        widget=forms.TextInput(attrs={"class": "input w-full font-mono", "spellcheck": "false"}),
        help_text=_("Letters, digits, - and _. Part of its address and of the REST API; it cannot be changed later."),
    )
    description = _text(
        label=_("Description"),
        max_length=500,
        required=False,
        help_text=_("What people read when they choose an agent."),
    )
    kind = _choice([(kind.value, kind.label) for kind in (AgentKind.CONVERSATIONAL, AgentKind.TASK)], label=_("Kind"))
    capabilities = Lines(
        label=_("Capabilities"),
        most=MOST_CAPABILITIES,
        longest=LONGEST_CAPABILITY,
        help_text=_("One a line, such as CODE_REVIEW. Tasks find their agent by them."),
    )
    starters = Lines(
        label=_("Starters"),
        most=MOST_STARTERS,
        longest=LONGEST_STARTER,
        help_text=_("Questions offered in an empty chat, one a line."),
    )
    system_prompt = forms.CharField(
        label=_("Instructions"),
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "textarea w-full", "dir": "auto"}),
    )
    output_schema = SchemaOfOutput(
        label=_("Shape of its answers"),
        help_text=_("A JSON Schema. Answers are JSON then, and held against it. Empty: any text."),
    )
    tier = _choice(
        [("", _("None: the platforms in their order")), *AGENT_TIERS],
        label=_("Tier"),
        required=False,
        help_text=_("What it needs of a model. A platform chosen below comes instead."),
    )
    local_only = _yes(
        label=_("Local platforms only"),
        help_text=_("Nothing is sent to a platform outside, even when the local ones fail."),
    )
    tools = forms.MultipleChoiceField(
        label=_("Tools"), required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox"})
    )
    knowledge_bases = forms.TypedMultipleChoiceField(
        label=_("Knowledge"),
        required=False,
        coerce=UUID,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox"}),
        help_text=_("It answers from these, as far as the person who asks may read them."),
    )
    memory = _yes(
        label=_("Remembers people"), help_text=_("Keeps what a person tells it, for that person's later chats.")
    )
    history_length = forms.IntegerField(
        label=_("Messages of history"),
        min_value=0,
        max_value=1000,
        initial=10,
        widget=forms.NumberInput(attrs={"class": "input w-full"}),
    )
    temperature = forms.DecimalField(
        label=_("Temperature"),
        min_value=0,
        max_value=2,
        max_digits=3,
        decimal_places=2,
        required=False,
        widget=forms.NumberInput(attrs={"class": "input w-full", "step": "0.1"}),
        help_text=_("0 is exact, 2 is wild. Empty: what suits the kind."),
    )
    max_tokens = forms.IntegerField(
        label=_("Longest answer, in tokens"),
        min_value=1,
        max_value=1_000_000,
        required=False,
        widget=forms.NumberInput(attrs={"class": "input w-full"}),
    )
    visibility = _choice(AgentVisibility.choices, label=_("Visible to"), initial=AgentVisibility.TEAM)
    status = _choice(AgentStatus.choices, label=_("State"), initial=AgentStatus.PUBLISHED)
    priority = forms.IntegerField(
        label=_("Priority"),
        min_value=0,
        max_value=HIGHEST_PRIORITY,
        initial=DEFAULT_PRIORITY,
        widget=forms.NumberInput(attrs={"class": "input w-full"}),
        help_text=_("From 0 to 100: which of several that could do a task is preferred."),
    )

    def __init__(self, principal: Principal, data: Mapping[str, Any] | None = None, agent: Agent | None = None) -> None:
        super().__init__(data, initial=_initial(agent) if agent else {}, label_suffix="")
        if agent:
            del self.fields["agent_id"]
            # Teams and workflows are made elsewhere; what one is does not change here.
            if agent.kind not in (AgentKind.CONVERSATIONAL, AgentKind.TASK):
                del self.fields["kind"]
        self._offer_tools(agent)
        self._offer_knowledge(principal)
        self._offer_platforms(principal)

    def _offer_knowledge(self, principal: Principal) -> None:
        found = KnowledgeBase.objects.visible_to(principal).order_by("name").values_list("pk", "name")
        if found:
            self.fields["knowledge_bases"].choices = list(found)  # type: ignore[attr-defined]
        else:
            del self.fields["knowledge_bases"]

    def groups(self) -> Iterator[FieldGroup]:
        for title, names in _GROUPS:
            yield FieldGroup(title, [self[name] for name in names if name in self.fields])

    def problems(self) -> Iterator[Problem]:
        for text in self.non_field_errors():
            yield Problem("", str(text), "")
        for name in self.fields:
            for text in self.errors.get(name, []):
                yield Problem(str(self[name].label), str(text), self[name].id_for_label or self[name].auto_id)

    def definition(self) -> dict[str, Any]:
        """The fields of a valid form in the shape of the REST API's agent."""
        taken_over = set(self.fields) - {name for name in self.fields if name.startswith(("platform_", "model_"))}
        return {name: self.cleaned_data[name] for name in taken_over} | {"models": self._models()}

    def add_refusals(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Show what the use case found wrong, beside the fields it names."""
        for name, texts in fields.items():
            place = "platform_1" if name.startswith("models") else name.split(".")[0]
            for text in texts:
                self.add_error(place if place in self.fields else None, text)

    def clean_capabilities(self) -> list[str]:
        capabilities: list[str] = self.cleaned_data["capabilities"]
        wrong = [name for name in capabilities if not CAPABILITY.match(name)]
        if wrong:
            raise ValidationError(
                _("Write capabilities in capitals with _ between words: not %(wrong)s."),
                params={"wrong": ", ".join(wrong)},
            )
        return capabilities

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        chosen = self._models()
        if len({tuple(entry.values()) for entry in chosen}) < len(chosen):
            self.add_error("platform_1", _("The same platform and model stand here twice."))
        return cleaned

    def _models(self) -> list[dict[str, str]]:
        rows = range(1, CHOICES_OF_MODEL + 1)
        found = [(self.cleaned_data.get(f"platform_{row}"), self.cleaned_data.get(f"model_{row}", "")) for row in rows]
        return [{"platform": platform, "model": model} for platform, model in found if platform]

    def _offer_tools(self, agent: Agent | None) -> None:
        offered = {tool.name: tool.label for tool in known_tools()}
        # A tool that nobody registers any more stays visible, so that it can be taken away.
        offered |= {name: name for name in (agent.tools if agent else []) if name not in offered}
        field = self.fields["tools"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101
        field.choices = list(offered.items())

    def _offer_platforms(self, principal: Principal) -> None:
        names = AIPlatform.objects.visible_to(principal).usable().values_list("platform_name", flat=True)
        choices = [("", _("As the instance has it")), *((name, name) for name in dict.fromkeys(names))]
        labels = (
            (_("First choice"), _("Its model")),
            (_("If that fails"), _("Model of the second choice")),
            (_("And then"), _("Model of the third choice")),
        )
        for row, (platform, model) in enumerate(labels, start=1):
            offered = choices if row == 1 else [("", "—"), *choices[1:]]
            self.fields[f"platform_{row}"] = _choice(offered, label=platform, required=False)
            self.fields[f"model_{row}"] = _text(label=model, max_length=200, required=False)
        self.fields["model_1"].help_text = _("Empty: the platform's default model.")


def _initial(agent: Agent) -> dict[str, Any]:
    definition = agent.definition()
    for row, entry in enumerate(definition.pop("models")[:CHOICES_OF_MODEL], start=1):
        definition[f"platform_{row}"], definition[f"model_{row}"] = entry["platform"], entry["model"]
    return definition
