"""What belongs to talking with a host's customers, in the admin: to look at. What people said or told of themselves is not shown."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.admin import RecordAdmin
from apps.accounts.middleware import page_principal
from apps.opie.engine.verifying import MOST_TRIES, let_try_again
from apps.opie.models import MemoryProfile, MessageReaction, SessionVerification, SupportWidget


class GivenUpFilter(admin.SimpleListFilter):
    title = "tries"
    parameter_name = "tries"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("over", "Too many"), ("left", "Some are left")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        wanted = {"over": {"failed_tries__gte": MOST_TRIES}, "left": {"failed_tries__lt": MOST_TRIES}}
        return queryset.filter(**wanted.get(self.value() or "", {}))


@admin.register(SessionVerification)
class SessionVerificationAdmin(RecordAdmin):
    """Whom conversations are about. After three tries that led to nobody, somebody here can let them try again."""

    show_full_result_count = False
    list_display = [
        "session_id",
        "kind",
        "subject",
        "method",
        "failed_tries",
        "verified_at",
        "expires_at",
        "updated_at",
    ]
    list_filter = [GivenUpFilter, "kind", "method", "updated_at"]
    search_fields = ["session__id", "=subject", "session__user__email"]
    exclude = ["code_hash"]
    actions = ["try_again"]

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        """To look is not enough: tries are few so that nobody guesses who somebody is."""
        return request.user.has_perm("opie.change_sessionverification")

    @admin.action(description="Let them try again", permissions=["try_again"])
    def try_again(self, request: HttpRequest, verifications: QuerySet[SessionVerification]) -> None:
        principal = page_principal(request)
        count = sum(let_try_again(principal, pk) for pk in verifications.values_list("pk", flat=True))
        self.message_user(request, f"{count} may be tried again.")


@admin.register(MemoryProfile)
class MemoryProfileAdmin(RecordAdmin):
    """That something is kept of somebody, not what."""

    show_full_result_count = False
    list_display = ["schema", "team", "user", "subject_kind", "subject", "updated_at"]
    list_filter = ["schema", "subject_kind", "updated_at"]
    search_fields = ["user__email", "=subject"]
    list_select_related = ["team", "user"]
    exclude = ["data"]


@admin.register(SupportWidget)
class SupportWidgetAdmin(RecordAdmin):
    """Widgets are set up on their page or over REST, by whoever manages the team's agents."""

    list_display = ["name", "team", "agent", "is_active", "created_by", "updated_at"]
    list_filter = ["is_active"]
    search_fields = ["name", "team__name", "agent__agent_id"]
    list_select_related = ["team", "agent", "created_by"]
    exclude = ["secret"]


@admin.register(MessageReaction)
class MessageReactionAdmin(RecordAdmin):
    """That somebody liked an answer or did not. Why is in their own words: read it with the conversation."""

    show_full_result_count = False
    list_display = ["conversation", "message", "agent", "user", "reaction", "updated_at"]
    list_filter = ["reaction", "updated_at"]
    search_fields = ["user__email", "message__session__id", "message__agent__agent_id"]
    list_select_related = ["message__agent", "user"]
    exclude = ["reason"]

    @admin.display(ordering="message__session")
    def conversation(self, reaction: MessageReaction) -> Any:
        return reaction.message.session_id

    @admin.display(ordering="message__agent__agent_id")
    def agent(self, reaction: MessageReaction) -> Any:
        return reaction.message.agent
