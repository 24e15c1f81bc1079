"""The form that makes and changes a webhook: the fields of the REST API's webhook, for people."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.principal import Principal
from apps.opie.agentos.webhook_rows import who_may_act
from apps.opie.engine.webhook_events import known_event_types
from apps.opie.models import Webhook


class WebhookForm(forms.Form):
    """Give it the principal and, to change one, the webhook, whose name stays. `definition()` is what the use case takes."""

    name = forms.SlugField(
        label=_("Name"),
        min_length=3,
        max_length=64,
        widget=forms.TextInput(
            {"class": "input w-full", "dir": "ltr", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text=_("Letters, digits, - and _. It stands in the address, and stays."),
        error_messages={"invalid": _("Only letters, digits, - and _ can stand in an address.")},
    )
    event_types = forms.MultipleChoiceField(
        label=_("What it tells of"), widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox"})
    )
    acts_for = forms.ChoiceField(
        label=_("In whose name"),
        widget=forms.Select({"class": "select w-full"}),
        help_text=_("Conversations that it begins are theirs, what the answers cost is counted for them."),
    )
    is_active = forms.BooleanField(
        label=_("On"), required=False, initial=True, widget=forms.CheckboxInput({"class": "checkbox"})
    )

    def __init__(
        self, principal: Principal, data: Mapping[str, Any] | None = None, webhook: Webhook | None = None
    ) -> None:
        super().__init__(data, initial=_initial(principal, webhook), label_suffix="")
        self._webhook = webhook
        if webhook is not None:
            del self.fields["name"]
        kinds, people = self.fields["event_types"], self.fields["acts_for"]
        assert isinstance(kinds, forms.MultipleChoiceField)  # noqa: S101
        assert isinstance(people, forms.ChoiceField)  # noqa: S101
        kinds.choices = [(name, name) for name in sorted(known_event_types())]
        people.choices = _people(principal, webhook)

    def definition(self) -> dict[str, Any]:
        """The fields of a valid form in the shape of the REST API's webhook. Whom it acts for is said where that is to
        change: it may be somebody who may do more than whoever saves the form."""
        told = dict(self.cleaned_data)
        if self._webhook is not None and told["acts_for"] == str(self._webhook.acts_for_id):
            del told["acts_for"]
        return told


def _initial(principal: Principal, webhook: Webhook | None) -> dict[str, Any]:
    if webhook is None:
        # Nothing has to be chosen where there is one thing.
        only = list(known_event_types())
        return {"acts_for": str(principal.user_id), "event_types": only if len(only) == 1 else []}
    return {
        "event_types": webhook.event_types,
        "acts_for": str(webhook.acts_for_id),
        "is_active": webhook.is_active,
    }


def _people(principal: Principal, webhook: Webhook | None) -> list[tuple[str, str]]:
    found = {str(person.pk): person.email for person in who_may_act(principal)}
    if webhook is not None:
        found.setdefault(str(webhook.acts_for_id), webhook.acts_for.email)
    return list(found.items())
