"""People in the admin, with what they do here: how many conversations, and when they last wrote. Not what."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from apps.accounts.admin import UserAdmin
from apps.accounts.models import User
from apps.opie.models import AgentOSSession

admin.site.unregister(User)


@admin.register(User)
class ActiveUserAdmin(UserAdmin):
    list_display = [*UserAdmin.list_display, "conversations", "last_message"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        own = AgentOSSession.objects.filter(user=OuterRef("pk")).order_by().values("user")
        return (
            super()
            .get_queryset(request)
            .annotate(
                conversations=Subquery(own.annotate(count=Count("pk")).values("count")),
                last_message=Subquery(own.annotate(newest=Max("last_message_at")).values("newest")),
            )
        )

    @admin.display(ordering="conversations", empty_value="0")
    def conversations(self, user: Any) -> int | None:
        count: int | None = user.conversations
        return count

    @admin.display(ordering="last_message", description="last message")
    def last_message(self, user: Any) -> Any:
        return user.last_message
