"""Every row in the admin; those that are a record can be looked at and not touched."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.admin import AuditedAdmin, RecordAdmin
from apps.api.errors import InvalidInput
from apps.opie.admin import agents, commands, conversations, local_models, people, support, system_metrics, webhooks
from apps.opie.agentos.platform_rows import KEY_AGAIN, check_address
from apps.opie.ledger.budgets import forget_warning
from apps.opie.ledger.price_list import NewPrice, put_in_force
from apps.opie.models import (
    AgentOSApproval,
    AgentOSError,
    AgentOSMemory,
    AgentOSPerformance,
    AgentOSRun,
    AgentOSSchedule,
    AgentOSUsage,
    AIPlatform,
    Budget,
    BudgetPeriod,
    BudgetReservation,
    Limit,
    ModelPrice,
    PlatformHealth,
    UsageCorrection,
    UsageRollUp,
)

# Registered there.
__all__ = ["agents", "commands", "conversations", "local_models", "people", "support", "system_metrics", "webhooks"]


class AIPlatformForm(forms.ModelForm[AIPlatform]):
    """The rules of /api/v1/platforms/: a key goes in and never comes out, and goes to no address it was not entered for."""

    by_operator = False
    base_url = forms.URLField(
        max_length=500, required=False, assume_scheme="https", help_text="Empty: the vendor's own."
    )
    new_key = forms.CharField(
        required=False,
        label="API key",
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Empty: the key stays as it is.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            check_address(cleaned.get("api_type", ""), cleaned.get("base_url") or "", by_operator=self.by_operator)
        except InvalidInput as error:
            raise forms.ValidationError(dict(error.fields)) from None
        moves = {"api_type", "base_url"} & set(self.changed_data)
        if self.instance.pk and self.instance.api_key and moves and not cleaned.get("new_key"):
            self.add_error("new_key", KEY_AGAIN)
        return cleaned

    def save(self, commit: bool = True) -> AIPlatform:
        if self.cleaned_data.get("new_key"):
            self.instance.api_key = self.cleaned_data["new_key"]
        if not self.instance.pk or {"api_type", "base_url"} & set(self.changed_data):
            self.instance.may_be_private = self.by_operator
        return super().save(commit)


@admin.register(AIPlatform)
class AIPlatformAdmin(AuditedAdmin):
    form = AIPlatformForm
    list_display = ["platform_name", "api_type", "default_model", "team", "is_enabled", "priority", "has_key"]
    list_filter = ["api_type", "is_enabled"]
    search_fields = ["platform_name", "default_model"]
    list_select_related = ["team"]
    autocomplete_fields = ["team"]
    exclude = ["api_key"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"by_operator": getattr(request.user, "is_superuser", False)})

    @admin.display(boolean=True, description="key")
    def has_key(self, platform: AIPlatform) -> bool:
        return bool(platform.api_key)


@admin.register(AgentOSRun)
class AgentOSRunAdmin(RecordAdmin):
    list_display = [
        "id",
        "agent",
        "user",
        "status",
        "is_background",
        "attempt",
        "error_code",
        "created_at",
        "finished_at",
    ]
    list_filter = ["status", "is_background", "created_at"]
    search_fields = ["id", "user__email", "agent__agent_id"]
    list_select_related = ["agent", "user"]
    # What was asked and answered is the person's.
    exclude = ["input", "output", "paused_state"]


@admin.register(AgentOSSchedule)
class AgentOSScheduleAdmin(RecordAdmin):
    """What is asked is the person's own; whoever runs the installation sees when, and can switch it off."""

    list_display = ["name", "user", "team", "agent", "cron", "time_zone", "is_enabled", "next_run_at", "problem"]
    list_filter = ["is_enabled"]
    search_fields = ["name", "user__email", "agent__agent_id"]
    list_select_related = ["user", "team", "agent"]
    exclude = ["message"]
    actions = ["switch_off"]

    @admin.action(description="Switch off", permissions=["view"])
    def switch_off(self, request: HttpRequest, schedules: Any) -> None:
        count = schedules.filter(is_enabled=True).update(
            is_enabled=False, next_run_at=None, problem="Switched off by whoever runs this installation."
        )
        self.message_user(request, f"{count} switched off.")


@admin.register(AgentOSApproval)
class AgentOSApprovalAdmin(RecordAdmin):
    list_display = ["tool_name", "agent", "user", "team", "by", "status", "decided_by", "created_at", "expires_at"]
    list_filter = ["status", "by", "created_at"]
    search_fields = ["tool_name", "user__email", "run__id"]
    list_select_related = ["agent", "user", "team", "decided_by"]
    # What a tool is called with is the person's, like what they say.
    exclude = ["arguments", "changed_arguments", "note"]


@admin.register(AgentOSUsage)
class AgentOSUsageAdmin(RecordAdmin):
    list_display = [
        "created_at", "team", "user", "platform_name", "model", "purpose",
        "input_tokens", "output_tokens", "cost", "certainty", "outcome",
    ]  # fmt: skip
    list_filter = ["outcome", "certainty", "platform_name"]
    search_fields = ["model", "user__email"]
    list_select_related = ["team", "user"]


@admin.register(AgentOSPerformance)
class AgentOSPerformanceAdmin(RecordAdmin):
    list_display = [
        "run_id",
        "time_to_first_token_ms",
        "duration_ms",
        "model_ms",
        "tool_ms",
        "database_ms",
        "created_at",
    ]


@admin.register(AgentOSError)
class AgentOSErrorAdmin(RecordAdmin):
    list_display = ["code", "place", "agent", "team", "occurrences", "last_seen", "is_resolved"]
    list_filter = ["is_resolved", "code"]
    list_select_related = ["agent", "team"]
    actions = ["resolve"]

    @admin.action(description="Mark as resolved", permissions=["view"])
    def resolve(self, request: HttpRequest, errors: Any) -> None:
        self.message_user(request, f"{errors.update(is_resolved=True)} marked as resolved.")


@admin.register(AgentOSMemory)
class AgentOSMemoryAdmin(RecordAdmin):
    list_display = ["user", "team", "agent", "topics", "updated_at"]
    list_select_related = ["user", "team", "agent"]
    exclude = ["memory", "input"]


@admin.register(PlatformHealth)
class PlatformHealthAdmin(RecordAdmin):
    list_display = ["platform", "failures_in_a_row", "rested_until", "reason", "last_success_at", "last_failure_at"]
    list_select_related = ["platform"]


@admin.register(Budget)
class BudgetAdmin(AuditedAdmin):
    list_display = ["team", "user", "api_key", "period", "amount", "currency", "is_enabled"]
    list_filter = ["period", "is_enabled"]
    list_select_related = ["team", "user", "api_key"]
    autocomplete_fields = ["team", "user"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        forget_warning(obj)


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(RecordAdmin):
    list_display = ["budget", "starts_on", "spent", "reserved", "unpriced_calls", "warned_at"]
    list_select_related = ["budget"]


@admin.register(BudgetReservation)
class BudgetReservationAdmin(RecordAdmin):
    list_display = ["call_id", "state", "amount", "cost", "held_at", "ended_at"]
    list_filter = ["state"]


@admin.register(Limit)
class LimitAdmin(AuditedAdmin):
    list_display = ["team", "user", "platform", "model", "requests_per_minute", "tokens_per_minute", "parallel_runs"]
    list_select_related = ["team", "user", "platform"]
    autocomplete_fields = ["team", "user"]


@admin.register(ModelPrice)
class ModelPriceAdmin(RecordAdmin):
    """A price is set here for a team, or for all; what is set is superseded by the next, and never edited."""

    list_display = [
        "platform_name",
        "model",
        "team",
        "input_per_million",
        "output_per_million",
        "valid_from",
        "superseded_at",
    ]
    list_filter = ["platform_name"]
    search_fields = ["model"]
    list_select_related = ["team"]
    autocomplete_fields = ["team"]
    exclude = ["superseded_at", "author", "currency"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002
        price = NewPrice(
            platform_name=obj.platform_name,
            model=obj.model,
            input=obj.input_per_million,
            output=obj.output_per_million,
            cached=obj.cached_per_million,
            cache_write=obj.cache_write_per_million,
            valid_from=obj.valid_from,
        )
        obj.pk = put_in_force(price, obj.team_id, getattr(request.user, "pk", None)).pk


@admin.register(UsageCorrection)
class UsageCorrectionAdmin(RecordAdmin):
    list_display = ["usage_id", "batch", "cost_before", "cost", "reason", "created_at"]


@admin.register(UsageRollUp)
class UsageRollUpAdmin(RecordAdmin):
    list_display = ["day", "team", "platform_name", "model", "calls", "cost", "unpriced_calls"]
    list_select_related = ["team"]
