"""People in the admin. What is a record can be read and not changed; hashes of secrets are not shown at all."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Greatest
from django.forms import ModelForm
from django.http import HttpRequest

from apps.accounts import removing, teams
from apps.accounts.audit import record
from apps.accounts.middleware import page_principal
from apps.accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Plan,
    RefreshToken,
    Role,
    SignInAttempt,
    Team,
    User,
)
from apps.api.errors import Conflict

# The admin signs in through the same page as everyone: one throttle, one place to look for guessing.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.unregister(Group)  # rights come from roles in teams


if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:  # Django's classes take types only for the checker
    _ModelAdmin = admin.ModelAdmin


# What the admin's own filters put behind the name of a field.
_OF_FILTERS = {"exact", "isnull", "in", "gte", "lt", "year", "month", "day", "id", "pk"}


class ListedFiltersAdmin(_ModelAdmin):
    """Rows are filtered by what the list offers and by nothing else. Django would take any field of the model from the
    address, and what staff are not shown could be read letter by letter."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:  # noqa: ARG002
        listed = [one[0] if isinstance(one, tuple) else one for one in self.get_list_filter(request)]
        named = [getattr(one, "parameter_name", one) for one in (*listed, self.date_hierarchy)]
        offered = {name for name in named if isinstance(name, str)}
        return any(
            lookup == name
            or (lookup.startswith(f"{name}__") and set(lookup[len(name) + 2 :].split("__")) <= _OF_FILTERS)
            for name in offered
        )


class RecordAdmin(ListedFiltersAdmin):
    """For rows that say what happened: to look at, never to change."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class AuditedAdmin(ListedFiltersAdmin):
    """Every change made here is written down like one made over REST."""

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            names = {"fields": sorted(set(form.changed_data) - {"password", "password1", "password2"})}
            record(page_principal(request), "change" if change else "create", obj, after=names)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            record(page_principal(request), "delete", obj, before={"was": str(obj)})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:  # one by one: each is audited, and a model's own delete() runs
            self.delete_model(request, obj)


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["email"]


class UserForm(UserChangeForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(AuditedAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    """People. They are suspended on their page, and removed for good from the list, by superusers."""

    add_form, form = NewUserForm, UserForm
    ordering = ["email"]
    list_display = [
        "email",
        "name",
        "is_active",
        "is_staff",
        "is_superuser",
        "date_joined",
        "last_login",
        "last_active",
    ]
    list_filter = ["is_staff", "is_superuser", "is_active", "date_joined", "last_login"]
    search_fields = ["email", "name"]
    readonly_fields = ["id", "date_joined", "last_login", "last_active"]
    autocomplete_fields = ["default_team"]
    filter_horizontal = []
    actions = ["sign_out_everywhere", "delete_selected"]
    fieldsets = [
        (None, {"fields": ["id", "email", "password", "name", "default_team"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Dates", {"fields": ["date_joined", "last_login", "last_active"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "usable_password", "password1", "password2"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request)
        return people.annotate(last_active=last_active())

    @admin.display(description="last active", ordering="last_active")
    def last_active(self, user: Any) -> Any:
        return user.last_active

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and bool(getattr(request.user, "is_superuser", False))

    def get_deleted_objects(self, objs: Any, _: HttpRequest) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """What the page that asks once more shows: people, and not every row that goes with them."""
        people = [str(user) for user in objs]
        return people, {"people, with their sessions, memories, keys and memberships": len(people)}, set(), []

    @admin.action(description="Remove for good (spares superusers and yourself)", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        people = list(queryset)
        left = removing.removable(page_principal(request), people)
        if spared := [str(user) for user in people if user not in left]:
            self.message_user(request, f"Spared: {', '.join(spared)}.", messages.WARNING)
        if left and not request.POST.get("post"):
            return delete_selected(self, request, queryset.filter(pk__in=[user.pk for user in left]))
        self._remove(request, {user.pk: user.email for user in left})
        return None

    def _remove(self, request: HttpRequest, names: dict[UUID, str]) -> None:
        found = removing.remove_people(page_principal(request), names)
        if found.removed:
            self.message_user(request, f"{len(found.removed)} removed.", messages.SUCCESS)
        for pk, why in found.kept.items():
            self.message_user(request, f"{names[pk]} was not removed. {why.message}", messages.ERROR)

    @admin.action(description="Sign out everywhere")
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            with transaction.atomic():
                user.sign_out_everywhere()
                record(page_principal(request), "sign_out_everywhere", user)
        self.message_user(request, "Their tokens and sessions are void.", messages.SUCCESS)


def last_active() -> Greatest:
    """When somebody last signed in, had a token renewed, or was spoken for by a key; None for nobody yet."""

    def newest(model: Any, field: str) -> Subquery:
        own = model.objects.filter(user=OuterRef("pk")).order_by().values("user")
        return Subquery(own.annotate(newest=Max(field)).values("newest"))

    return Greatest("last_login", newest(RefreshToken, "created_at"), newest(ApiKey, "last_used_at"))


@admin.register(Team)
class TeamAdmin(AuditedAdmin):
    list_display = ["name", "slug", "plan", "created_at"]
    list_filter = ["plan"]
    list_select_related = ["plan"]
    search_fields = ["name", "slug"]
    readonly_fields = ["id", "created_at"]


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    list_display = ["user", "team", "role", "read_team_sessions", "created_at"]
    list_filter = ["role", "read_team_sessions"]
    list_select_related = ["user", "team"]
    search_fields = ["user__email", "team__name"]
    autocomplete_fields = ["user", "team"]
    readonly_fields = ["id", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Visitors of widgets are given nothing, and become nothing else.
        return super().get_queryset(request).exclude(role=Role.VISITOR)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        return ["id", "created_at", *(["user", "team"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        with transaction.atomic():
            try:
                if change and "role" in form.changed_data:
                    teams.keep_an_owner(obj)
                super().save_model(request, obj, form, change)
            except Conflict as error:
                self.message_user(request, error.message, messages.ERROR)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            try:
                teams.keep_an_owner(obj)
                super().delete_model(request, obj)
            except Conflict as error:
                self.message_user(request, error.message, messages.ERROR)


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    list_display = ["name", "max_agents", "max_seats", "max_messages_per_month", "max_spend_per_month"]
    search_fields = ["name"]


@admin.register(Invitation)
class InvitationAdmin(RecordAdmin):
    list_display = ["email", "team", "role", "created_at", "expires_at", "accepted_at"]
    list_select_related = ["team"]
    search_fields = ["email", "team__name"]
    exclude = ["token_hash"]


@admin.register(ApiKey)
class ApiKeyAdmin(RecordAdmin):
    """Keys are made over REST by the person they speak for; here they can be seen, and ended."""

    list_display = ["name", "prefix", "user", "team", "created_at", "expires_at", "revoked_at", "last_used_at"]
    list_filter = ["revoked_at"]
    list_select_related = ["user", "team"]
    search_fields = ["name", "prefix", "user__email", "team__name"]
    exclude = ["secret_hash"]
    actions = ["revoke"]

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            teams.end_key(page_principal(request), key)
        self.message_user(request, "The keys are revoked.", messages.SUCCESS)


@admin.register(RefreshToken)
class RefreshTokenAdmin(RecordAdmin):
    list_display = ["user", "family", "created_at", "expires_at", "used_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["token_hash"]


@admin.register(SignInAttempt)
class SignInAttemptAdmin(RecordAdmin):
    list_display = ["at", "action", "address"]
    list_filter = ["action"]
    search_fields = ["address"]
    exclude = ["account_hash"]


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    list_display = ["at", "actor", "action", "object_type", "object_id", "team_id", "request_id"]
    list_filter = ["action", "object_type"]
    search_fields = ["actor", "object_id", "request_id"]
    date_hierarchy = "at"
