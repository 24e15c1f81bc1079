"""The form that makes and changes a command: the fields of the REST API's command, for people."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import Fields
from apps.opie.library.definition import LONGEST_EXAMPLE
from apps.opie.library.kinds import KINDS
from apps.opie.library.parameters import read_parameters
from apps.opie.library.template import LONGEST_TEMPLATE
from apps.opie.models import Agent, CommandTemplate
from apps.opie.models.agents import AgentKind
from apps.opie.models.commands import CommandStatus, CommandVisibility
from apps.opie.storable import clean_json
from apps.opie.web.agent_form import CAPABILITY, LONGEST_CAPABILITY, MOST_CAPABILITIES, Lines, Problem

MOST_TAGS, LONGEST_TAG = 20, 40
LONGEST_PARAMETERS = 500_000
_INPUT = {"class": "input w-full", "dir": "auto"}
_SELECT = {"class": "select w-full"}
_CODE = {"class": "textarea field-sizing-content w-full font-mono", "spellcheck": "false"}


class Tags(forms.CharField):
    """Words between commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        tags = [tag.strip() for tag in super().clean(value).split(",") if tag.strip()]
        if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
            raise ValidationError(
                _("At most %(most)s tags of %(longest)s characters."),
                params={"most": MOST_TAGS, "longest": LONGEST_TAG},
            )
        return tags


class Parameters(forms.CharField):
    """Definitions of parameters as JSON; the page's script makes rows of them. What they mean is checked with the template."""

    def prepare_value(self, value: Any) -> Any:
        # As it was typed; nothing where a browser sent no such field.
        if value is None or isinstance(value, str):
            return value or ""
        # PostgreSQL keeps an object's names in an order of its own.
        ordered = [parameter.as_json() for parameter in read_parameters(value)]
        return json.dumps(ordered, indent=2, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            # What PostgreSQL cannot keep, a browser writes only by mistake.
            return clean_json(json.loads(text or "[]"))
        except json.JSONDecodeError as error:
            raise ValidationError(
                _("This is not JSON: look at line %(line)s, column %(column)s."),
                params={"line": error.lineno, "column": error.colno},
            ) from None
        except (ValueError, RecursionError):
            raise ValidationError(_("This is not JSON.")) from None


class CommandEditor(forms.Form):
    """Give it the principal and, to change one, the command; `like` is one that a new one begins as. `definition()` is
    what the use case takes."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(_INPUT))
    slug = forms.SlugField(
        label=gettext_lazy("Short name"),
        max_length=64,
        required=False,
        widget=forms.TextInput({**_INPUT, "class": "input w-full font-mono", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "What one types after / in a chat. Made of the name if left empty; it cannot be changed."
        ),
    )
    description = forms.CharField(
        label=gettext_lazy("What it is for"), max_length=500, required=False, widget=forms.TextInput(_INPUT)
    )
    category = forms.CharField(
        label=gettext_lazy("Category"),
        max_length=64,
        required=False,
        widget=forms.TextInput({**_INPUT, "list": "categories", "autocomplete": "off"}),
    )
    tags = Tags(
        label=gettext_lazy("Tags, with commas between them"),
        max_length=1000,
        required=False,
        widget=forms.TextInput(_INPUT),
    )
    parameters = Parameters(
        label=gettext_lazy("Blanks, as JSON"),
        max_length=LONGEST_PARAMETERS,
        required=False,
        widget=forms.Textarea({**_CODE, "rows": 8, "dir": "ltr"}),
    )
    template = forms.CharField(
        label=gettext_lazy("Template"),
        max_length=LONGEST_TEMPLATE,
        strip=False,
        widget=forms.Textarea({**_CODE, "rows": 12, "dir": "auto"}),
    )
    example_usage = forms.CharField(
        label=gettext_lazy("An example of its use"),
        max_length=LONGEST_EXAMPLE,
        required=False,
        widget=forms.Textarea({"class": "textarea field-sizing-content w-full", "rows": 2, "dir": "auto"}),
    )
    recommended_agent = forms.ChoiceField(
        label=gettext_lazy("Who should answer"), required=False, widget=forms.Select(_SELECT)
    )
    required_capabilities = Lines(
        label=gettext_lazy("Or somebody with these capabilities"),
        most=MOST_CAPABILITIES,
        longest=LONGEST_CAPABILITY,
        help_text=gettext_lazy("One a line, such as CODE_REVIEW. Whoever has them all answers, if nobody is named."),
    )
    visibility = forms.ChoiceField(label=gettext_lazy("Who may use it"), widget=forms.Select(_SELECT))
    status = forms.ChoiceField(
        label=gettext_lazy("State"),
        choices=[
            (CommandStatus.PUBLISHED, gettext_lazy("Published")),
            (CommandStatus.DRAFT, gettext_lazy("Draft: others do not see it")),
            (CommandStatus.WITHDRAWN, gettext_lazy("Withdrawn: it cannot be run")),
        ],
        widget=forms.Select(_SELECT),
    )

    def __init__(
        self,
        principal: Principal,
        data: Mapping[str, Any] | None = None,
        *,
        command: CommandTemplate | None = None,
        like: CommandTemplate | None = None,
    ) -> None:
        super().__init__(data, initial=_initial(command, like), label_suffix="")
        if command is not None:
            del self.fields["slug"]
        self._offer_agents(principal, command or like)
        self._offer_readers(principal, command)
        self.parameter_problems: Fields = {}

    def definition(self) -> dict[str, Any]:
        """The fields of a valid form in the shape of the REST API's command."""
        told = dict(self.cleaned_data)
        return told | {"recommended_agent": told["recommended_agent"] or None}

    def clean_category(self) -> str:
        category: str = self.cleaned_data["category"]
        return slugify(category)[:64].strip("-")

    def clean_required_capabilities(self) -> list[str]:
        capabilities: list[str] = self.cleaned_data["required_capabilities"]
        wrong = [name for name in capabilities if not CAPABILITY.match(name)]
        if wrong:
            raise ValidationError(
                _("Write capabilities in capitals with _ between words: not %(wrong)s."),
                params={"wrong": ", ".join(wrong)},
            )
        return capabilities

    def add_refusals(self, fields: Fields) -> None:
        """What a use case refused, beside the fields that it names."""
        for name, texts in fields.items():
            field, _dot, place = name.partition(".")
            if field == "parameters":
                self.parameter_problems[place] = texts
                texts = [_problem_of_parameter(place, text) for text in texts]
            self.add_error(field if field in self.fields else None, [ValidationError(text) for text in texts])

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong, for the top of the page."""
        for text in self.non_field_errors():
            yield Problem("", str(text), "")
        for name in self.fields:
            for text in self.errors.get(name, []):
                yield Problem(str(self[name].label), str(text), self[name].id_for_label)

    def _offer_agents(self, principal: Principal, command: CommandTemplate | None) -> None:
        kept = Q(pk=command.recommended_agent_id) if command and command.recommended_agent_id else Q(pk=None)
        visible = Agent.objects.visible_to(principal)
        served = Q(pk__in=Agent.objects.served_to(principal).exclude(kind=AgentKind.AUTO).values("pk"))
        agents = visible.filter(served | kept).order_by("name").values_list("agent_id", "name")
        _choices(self, "recommended_agent", [("", _("Nobody by name")), *agents])

    def _offer_readers(self, principal: Principal, command: CommandTemplate | None) -> None:
        choices: list[tuple[str, Any]] = [
            (CommandVisibility.PRIVATE, _("Only I")),
            (CommandVisibility.TEAM, _("My team")),
        ]
        is_public = command is not None and command.visibility == CommandVisibility.PUBLIC
        if is_public or principal.reach(Permission.MANAGE_AGENTS) is Reach.YES:
            choices.append((CommandVisibility.PUBLIC, _("Everybody in this installation")))
        _choices(self, "visibility", choices)


def limits_by_type() -> dict[str, list[str]]:
    """What can be limited of each type of parameter, for the rows."""
    return {name: sorted(kind.limits) for name, kind in KINDS.items()}


def types_named() -> list[tuple[str, str]]:
    """The nine types, each in a word."""
    names = {
        "string": _("One line of text"),
        "text": _("Text"),
        "integer": _("Whole number"),
        "number": _("Number"),
        "boolean": _("Yes or no"),
        "choice": _("One of several"),
        "multiple_choice": _("Some of several"),
        "date": _("Date"),
        "json": _("JSON"),
    }
    return [(name, names[name]) for name in KINDS]


def _choices(form: forms.Form, name: str, choices: list[tuple[str, Any]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101
    field.choices = choices


def _initial(command: CommandTemplate | None, like: CommandTemplate | None) -> dict[str, Any]:
    if command is not None:
        return command.definition()
    if like is not None:
        kept = ("slug", "visibility", "status")
        copied = {name: value for name, value in like.definition().items() if name not in kept}
        return copied | {"visibility": CommandVisibility.PRIVATE, "status": CommandStatus.PUBLISHED}
    return {"parameters": [], "visibility": CommandVisibility.PRIVATE, "status": CommandStatus.PUBLISHED}


def _problem_of_parameter(place: str, text: str) -> str:
    """ "2.default" and its problem, as one reads it below the JSON."""
    number, _dot, name = place.partition(".")
    if not number.isdecimal():
        return text
    return _("Blank %(number)s%(name)s: %(text)s") % {
        "number": int(number) + 1,
        "name": f", {name}" if name else "",
        "text": text,
    }
