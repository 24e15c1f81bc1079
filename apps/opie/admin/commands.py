"""Commands in the admin: checked as everywhere, and every change a version."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.admin import AuditedAdmin, RecordAdmin
from apps.api.errors import InvalidInput
from apps.opie.library.definition import check_definition
from apps.opie.models import CommandExecution, CommandFavourite, CommandTemplate, CommandVersion


class CommandForm(forms.ModelForm[CommandTemplate]):
    """The rules of /api/v1/commands/: a template that cannot be used is not saved."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if {"template", "parameters"} <= cleaned.keys():
            try:
                cleaned["parameters"] = check_definition(cleaned["template"], cleaned["parameters"] or [])
            except InvalidInput as error:
                for place, texts in error.fields.items():
                    self.add_error(place.partition(".")[0], [f"{place}: {text}" for text in texts])
        return cleaned


@admin.register(CommandTemplate)
class CommandTemplateAdmin(AuditedAdmin):
    form = CommandForm
    list_display = ["name", "slug", "category", "visibility", "team", "status", "version", "total_successes"]
    list_filter = ["visibility", "status", "category"]
    search_fields = ["name", "slug", "description"]
    list_select_related = ["team"]
    autocomplete_fields = ["team", "owner", "recommended_agent"]
    readonly_fields = ["version", "success_rate", "avg_execution_time", "total_successes", "total_failures"]
    exclude = ["words"]

    def save_model(self, request: HttpRequest, obj: CommandTemplate, form: Any, change: bool) -> None:
        obj.version = obj.version + 1 if change else 1
        super().save_model(request, obj, form, change)
        CommandVersion.objects.create(
            command=obj, number=obj.version, definition=obj.definition(), author_id=request.user.pk
        )


@admin.register(CommandVersion)
class CommandVersionAdmin(RecordAdmin):
    list_display = ["command", "number", "author", "created_at"]
    search_fields = ["command__name", "command__slug"]
    list_select_related = ["command", "author"]


@admin.register(CommandExecution)
class CommandExecutionAdmin(RecordAdmin):
    list_display = ["address", "version", "user", "team", "outcome", "created_at"]
    list_filter = ["outcome"]
    search_fields = ["address"]
    list_select_related = ["user", "team"]


@admin.register(CommandFavourite)
class CommandFavouriteAdmin(RecordAdmin):
    list_display = ["command", "user", "created_at"]
    search_fields = ["command__slug"]
    list_select_related = ["command", "user"]
