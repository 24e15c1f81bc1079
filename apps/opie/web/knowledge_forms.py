"""The forms of knowledge bases: for people, the fields of the REST API's."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.opie.knowledge.documents import LONGEST_TEXT
from apps.opie.knowledge.sources import MOST_PAGES
from apps.opie.models.knowledge import KnowledgeVisibility, Language, SourceKind, SyncEvery
from apps.opie.providers.embedding import Embedder

_INPUT = {"class": "input w-full"}
_SELECT = {"class": "select w-full"}
_TEXTAREA = {"class": "textarea w-full", "rows": 8}


class BaseForm(forms.Form):
    """Name, description, who reads it, and in which language its words are read."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(attrs=_INPUT))
    description = forms.CharField(
        label=gettext_lazy("What it is for"), max_length=500, required=False, widget=forms.TextInput(attrs=_INPUT)
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("Who may read it"), choices=KnowledgeVisibility.choices, widget=forms.Select(attrs=_SELECT)
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the documents"),
        choices=Language.choices,
        widget=forms.Select(attrs=_SELECT),
        help_text=gettext_lazy("So that a search for “returning” finds “returned”."),
    )

    def __init__(self, principal: Principal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **({"label_suffix": ""} | kwargs))
        choices: list[tuple[str, Any]] = [
            (KnowledgeVisibility.PRIVATE, _("Only I")),
            (KnowledgeVisibility.TEAM, _("My team")),
        ]
        if principal.reach(Permission.MANAGE_KNOWLEDGE) is Reach.YES:
            choices.append((KnowledgeVisibility.PUBLIC, _("Everybody in this installation")))
        self.fields["visibility"].choices = choices  # type: ignore[attr-defined]


class EmbeddingForm(forms.Form):
    """The model that makes the vectors."""

    embedding = forms.ChoiceField(label=gettext_lazy("Model"), widget=forms.Select(attrs=_SELECT))

    def __init__(self, embedders: list[Embedder], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **({"label_suffix": ""} | kwargs))
        self.embedders = {f"{one.platform_name}/{one.model}": one for one in embedders}
        self.fields["embedding"].choices = [(key, key.replace("/", " · ", 1)) for key in self.embedders]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> Embedder:
        return self.embedders[self.cleaned_data["embedding"]]


class TextForm(forms.Form):
    """A text to keep."""

    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=300, required=False, widget=forms.TextInput(attrs=_INPUT)
    )
    text = forms.CharField(
        label=gettext_lazy("Text"), max_length=LONGEST_TEXT, widget=forms.Textarea(attrs=_TEXTAREA), strip=False
    )


class SourceForm(forms.Form):
    """A page, or the pages of a sitemap, and how often they are looked at."""

    url = forms.URLField(
        label=gettext_lazy("Address"), max_length=2000, assume_scheme="https", widget=forms.URLInput(attrs=_INPUT)
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("What it is"),
        choices=[(SourceKind.PAGE, gettext_lazy("One page")), (SourceKind.SITEMAP, gettext_lazy("A whole site"))],
        widget=forms.Select(attrs=_SELECT),
    )
    every = forms.ChoiceField(
        label=gettext_lazy("Look for changes"),
        choices=[
            (SyncEvery.NEVER, gettext_lazy("Only when asked to")),
            (SyncEvery.HOUR, gettext_lazy("Every hour")),
            (SyncEvery.DAY, gettext_lazy("Every day")),
            (SyncEvery.WEEK, gettext_lazy("Every week")),
        ],
        widget=forms.Select(attrs=_SELECT),
    )
    most_pages = forms.IntegerField(
        label=gettext_lazy("At most so many pages"),
        min_value=1,
        max_value=MOST_PAGES,
        initial=200,
        widget=forms.NumberInput(attrs=_INPUT),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **({"label_suffix": ""} | kwargs))


class DocumentForm(forms.Form):
    """What is said of a document."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=300, widget=forms.TextInput(attrs=_INPUT))
    tags = forms.CharField(
        label=gettext_lazy("Tags, with commas between them"),
        max_length=1500,
        required=False,
        widget=forms.TextInput(attrs=_INPUT),
    )
    dated = forms.DateField(
        label=gettext_lazy("Date"), required=False, widget=forms.DateInput(attrs={**_INPUT, "type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **({"label_suffix": ""} | kwargs))

    def clean_tags(self) -> list[str]:
        tags = [tag.strip() for tag in self.cleaned_data["tags"].split(",") if tag.strip()]
        if "\x00" in "".join(tags):
            raise ValidationError(_("It contains a NUL character."))
        return tags
