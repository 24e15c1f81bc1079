"""Conversations in the admin: that they were had, by whom and with which agent, is seen by staff. What was said is the
person's: superusers alone read it or search in it, with a reason, and each time it is written down."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from apps.accounts.admin import RecordAdmin
from apps.accounts.audit import record
from apps.accounts.middleware import page_principal
from apps.accounts.models import User
from apps.opie.models import AgentOSMessage, AgentOSSession

CONTENT = "content:"
MOST_SHOWN = 1000
SHORTEST_REASON = 10
# Of the filter by person: how many it offers, and among how many conversations it looks for them.
MOST_PEOPLE, MOST_LOOKED_AT = 50, 1000
VISITORS = "visitors"


class ReasonForm(forms.Form):
    reason = forms.CharField(
        min_length=SHORTEST_REASON, max_length=500, widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text="It is kept in the audit trail, with your name and the time.",
    )  # fmt: skip


class PersonFilter(admin.SimpleListFilter):
    """Those who began a conversation last, and all visitors of widgets together; anybody else is found by searching."""

    title = "person"
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        began = AgentOSSession.objects.filter(user__is_visitor=False).order_by("-id")
        people = dict(began.values_list("user_id", "user__email")[:MOST_LOOKED_AT])
        newest = [(str(user_id), email) for user_id, email in people.items()][:MOST_PEOPLE]
        return [(VISITORS, "Visitors of widgets"), *newest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        wanted = self.value()
        if wanted is None:
            return queryset
        if wanted == VISITORS:
            return queryset.filter(user__is_visitor=True)
        try:
            return queryset.filter(user_id=UUID(wanted))
        except ValueError:
            raise IncorrectLookupParameters from None


@admin.register(AgentOSSession)
class AgentOSSessionAdmin(RecordAdmin):
    show_full_result_count = False
    date_hierarchy = "created_at"
    list_filter = [
        "is_archived",
        PersonFilter,
        ("agent", admin.RelatedOnlyFieldListFilter),
        "created_at",
        "last_message_at",
    ]
    search_fields = ["user__email", "agent__name", "agent__agent_id"]
    search_help_text = f"E-mail address or agent. Superusers: {CONTENT} and words that were said; it is written down."
    list_select_related = ["user", "team", "agent"]
    exclude = ["metadata"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = ["user", "team", "agent", "message_count", "created_at", "last_message_at", "is_archived"]
        return ["id", *(["title"] if _may_read(request) else []), *shown]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """A title is made of what was said."""
        return ["metadata"] if _may_read(request) else ["metadata", "title"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.removeprefix(CONTENT).strip()
        if not search_term.startswith(CONTENT) or not words:
            return super().get_search_results(request, queryset, search_term)
        if not _may_read(request):
            raise PermissionDenied
        record(page_principal(request), "session.searched", _reader(request), after={"words": words})
        return queryset.filter(pk__in=AgentOSSession.objects.containing(words).values("pk")), False

    def get_urls(self) -> list[URLPattern]:
        read = self.admin_site.admin_view(self.read)
        return [path("<uuid:session_id>/read/", read, name="opie_agentossession_read"), *super().get_urls()]

    def read(self, request: HttpRequest, session_id: Any) -> HttpResponse:
        """What was said, for a superuser who says why."""
        if not _may_read(request):
            raise PermissionDenied
        session = get_object_or_404(AgentOSSession.objects.select_related("user", "agent"), pk=session_id)
        form = ReasonForm(request.POST or None)
        messages = None
        if form.is_valid():
            with transaction.atomic():
                record(page_principal(request), "session.read", session, after={"reason": form.cleaned_data["reason"]})
                messages = list(_said_in(session))
        context = {
            **self.admin_site.each_context(request),
            "title": "What was said",
            "opts": self.model._meta,
            "original": session,
            "form": form,
            "said": messages,
            "more": messages is not None and session.message_count > MOST_SHOWN,
        }
        return TemplateResponse(request, "admin/opie/agentossession/read.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = (extra_context or {}) | {"may_read": _may_read(request)}
        return super().change_view(request, object_id, form_url, context)


@admin.register(AgentOSMessage)
class AgentOSMessageAdmin(RecordAdmin):
    """That something was said, not what."""

    show_full_result_count = False
    list_display = ["session_id", "number", "role", "status", "agent", "created_at"]
    list_filter = ["role", "status", "created_at"]
    list_select_related = ["agent"]
    exclude = ["content", "reasoning", "tool_calls", "citations", "metadata"]


def _may_read(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _reader(request: HttpRequest) -> User:
    return User.objects.get(pk=page_principal(request).user_id)


def _said_in(session: AgentOSSession) -> QuerySet[AgentOSMessage]:
    """Questions and answers of all branches, in the order in which they were said."""
    return session.messages.shown().select_related("agent").order_by("number")[:MOST_SHOWN]
