"""Local models in the admin: entered and switched by superusers, each change written down and heeded by the next message."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.admin import AuditedAdmin, RecordAdmin
from apps.accounts.audit import record
from apps.accounts.middleware import page_principal
from apps.opie import jobs
from apps.opie.models import LLMModel, LLMModelCheck
from apps.opie.providers.checking import CHECK_JOB


class LLMModelForm(forms.ModelForm[LLMModel]):
    base_url = forms.URLField(
        max_length=500, required=False, assume_scheme="http", help_text=LLMModel._meta.get_field("base_url").help_text
    )


@admin.register(LLMModel)
class LLMModelAdmin(AuditedAdmin):
    """Addresses here lead into the operator's network: staff who are no superusers look and change nothing."""

    form = LLMModelForm
    list_display = ["name", "provider", "platform", "team", "is_active", "position", "state", "checked_at"]
    list_filter = ["provider", "is_active"]
    search_fields = ["name", "platform__platform_name"]
    list_select_related = ["platform", "team", "check_result"]
    autocomplete_fields = ["platform", "team"]
    readonly_fields = ["state", "what_to_do", "checked_at"]
    actions = ["switch_on", "switch_off", "look"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: LLMModel, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        jobs.defer(CHECK_JOB, model_ids=[str(obj.pk)])

    @admin.display(description="server", empty_value="not looked at yet")
    def state(self, row: LLMModel) -> str | None:
        found = _check_of(row)
        return found.get_state_display() if found else None

    @admin.display(description="what to do")
    def what_to_do(self, row: LLMModel) -> str | None:
        found = _check_of(row)
        return found.message if found else None

    @admin.display(description="looked at")
    def checked_at(self, row: LLMModel) -> Any:
        found = _check_of(row)
        return found.checked_at if found else None

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[LLMModel]) -> None:
        self._switch(request, queryset, is_active=True)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[LLMModel]) -> None:
        self._switch(request, queryset, is_active=False)

    @admin.action(description="Look whether the server has it", permissions=["view"])
    def look(self, request: HttpRequest, queryset: QuerySet[LLMModel]) -> None:
        jobs.defer(CHECK_JOB, model_ids=[str(row.pk) for row in queryset])
        self.message_user(request, "The worker asks the servers. Load this page again in a few seconds.")

    def _switch(self, request: HttpRequest, queryset: QuerySet[LLMModel], *, is_active: bool) -> None:
        changed = list(queryset.exclude(is_active=is_active))
        for row in changed:
            row.is_active = is_active
            row.save(update_fields=["is_active", "updated_at"])
            after = {"is_active": is_active}
            record(
                page_principal(request), "llm_model.configured", row, before={"is_active": not is_active}, after=after
            )
        if changed and is_active:
            jobs.defer(CHECK_JOB, model_ids=[str(row.pk) for row in changed])
        what = "on" if is_active else "off"
        self.message_user(request, f"{len(changed)} switched {what}, from the next message on.", messages.SUCCESS)

    @staticmethod
    def _may(request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))


@admin.register(LLMModelCheck)
class LLMModelCheckAdmin(RecordAdmin):
    list_display = ["llm_model", "state", "message", "checked_at"]
    list_filter = ["state"]
    search_fields = ["llm_model__name"]
    list_select_related = ["llm_model"]


def _check_of(row: LLMModel) -> LLMModelCheck | None:
    return getattr(row, "check_result", None)
