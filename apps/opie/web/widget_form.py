"""The form that makes and changes a widget: the fields of the REST API's widget, for people."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.opie.models import Agent, SupportWidget
from apps.opie.models.agents import AgentKind, AgentVisibility
from apps.opie.models.widgets import LONGEST_GREETING

_INPUT = {"class": "input w-full", "dir": "auto"}
_AREA = {"class": "textarea w-full"}


class WidgetForm(forms.Form):
    """Give it the principal and, to change one, the widget. `definition()` is what the use case takes."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(_INPUT))
    agent_id = forms.ChoiceField(
        label=_("Agent"),
        widget=forms.Select({"class": "select w-full"}),
        help_text=_("Whoever visits your pages may talk to it, and with its tools. The team pays."),
    )
    greeting = forms.CharField(
        label=_("Greeting"),
        max_length=LONGEST_GREETING,
        required=False,
        widget=forms.Textarea({**_AREA, "rows": 2, "dir": "auto"}),
    )
    allowed_origins = forms.CharField(
        label=_("Pages that may show it"),
        max_length=5000,
        widget=forms.Textarea(
            {**_AREA, "class": "textarea w-full font-mono", "rows": 3, "dir": "ltr", "spellcheck": "false"}
        ),
        help_text=_("One origin a line, as in https://shop.example. No other page can show the chat."),
    )
    is_active = forms.BooleanField(
        label=_("On"), required=False, initial=True, widget=forms.CheckboxInput({"class": "checkbox"})
    )

    def __init__(
        self, principal: Principal, data: Mapping[str, Any] | None = None, widget: SupportWidget | None = None
    ) -> None:
        super().__init__(data, initial=_initial(widget), label_suffix="")
        agents = (
            Agent.objects.served_to(principal).exclude(kind=AgentKind.AUTO).exclude(visibility=AgentVisibility.PRIVATE)
        )
        if principal.reach(Permission.MANAGE_AGENTS) is not Reach.YES:
            agents = agents.filter(owner_id=principal.user_id)
        field = self.fields["agent_id"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [(agent.agent_id, agent.name) for agent in agents.only("agent_id", "name").order_by("name")]

    def definition(self) -> dict[str, Any]:
        """The fields of a valid form in the shape of the REST API's widget."""
        lines = self.cleaned_data["allowed_origins"].split()
        return self.cleaned_data | {"allowed_origins": lines}


def _initial(widget: SupportWidget | None) -> dict[str, Any]:
    if widget is None:
        return {}
    return {
        "name": widget.name,
        "agent_id": widget.agent.agent_id,
        "greeting": widget.greeting,
        "allowed_origins": "\n".join(widget.allowed_origins),
        "is_active": widget.is_active,
    }
