"""/agentos/support/: the conversations of the team's widgets, and those whose people have asked for somebody, for the people
who answer customers."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.permissions import Permission
from apps.api.errors import Conflict, InvalidInput, NotAllowed
from apps.opie.agentos.support_api import LONGEST_REPLY
from apps.opie.agentos.support_rows import (
    is_writing,
    messages_after,
    reactions_to,
    state_of,
    support_sessions,
)
from apps.opie.engine import taking_over
from apps.opie.engine.asking import checked_message
from apps.opie.models import SupportWidget
from apps.opie.web.views import Page, PieceOfPage

ON_A_PAGE = 50
STATES = {
    "": gettext_lazy("All"),
    "waits": gettext_lazy("Waiting for a person"),
    "taken_over": gettext_lazy("Taken over"),
    "agent": gettext_lazy("The agent answers"),
    "closed": gettext_lazy("Widget deleted"),
}


class SupportPage(Page):
    """A page for who may answer customers."""

    area = "support"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if not self.principal.may(Permission.ANSWER_CUSTOMERS):
            raise NotAllowed
        return super().get_context_data(may_manage=self.principal.may(Permission.MANAGE_AGENTS), **kwargs)


class SupportListView(SupportPage):
    """GET /agentos/support/?state=&q=&page="""

    template_name = "agentos/support.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        state, search = asked.get("state", ""), asked.get("q", "").strip()[:200]
        state = state if state in STATES else ""
        page = Paginator(support_sessions(self.principal, search, state), ON_A_PAGE).get_page(asked.get("page"))
        return super().get_context_data(
            lines=[(session, state_of(session)) for session in page],
            page=page,
            states=list(STATES.items()),
            state=state,
            search=search,
            has_widgets=SupportWidget.objects.filter(team_id=self.principal.acting_team).exists(),
            **kwargs,
        )


class SupportView(SupportPage):
    """GET /agentos/support/<session_id>/: one conversation. Reading it is audited."""

    template_name = "agentos/support_conversation.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        session = taking_over.support_session(self.principal, kwargs.pop("session_id"))
        taking_over.note_view(self.principal, session)
        thought = reactions_to(session)
        said = [message | {"reaction": thought.get(message["id"])} for message in messages_after(session)]
        return super().get_context_data(
            session=session,
            state=state_of(session),
            is_mine=session.taken_over_by_id == self.principal.user_id,
            said=said,
            last=said[-1]["number"] if said else 0,
            is_writing=is_writing(session.pk),
            known=session.verifications.exclude(subject="").first(),
            longest=LONGEST_REPLY,
            **kwargs,
        )


class _Deed(PieceOfPage):
    """Something done to a conversation, and back to it, or to the list where it is nobody's to read any more."""

    closes = False

    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        try:
            self.do(request, session_id)
        except (Conflict, InvalidInput) as error:
            messages.error(
                request, " ".join(text for texts in error.fields.values() for text in texts) or error.message
            )
        return redirect("pages:support") if self.closes else redirect("pages:support-conversation", session_id)

    def do(self, request: HttpRequest, session_id: UUID) -> None:
        """Raises what the deed raises."""
        raise NotImplementedError


class TakeOverView(_Deed):
    """POST /agentos/support/<session_id>/take-over/"""

    def do(self, request: HttpRequest, session_id: UUID) -> None:
        taking_over.take_over(self.principal, session_id)
        messages.success(request, _("You answer now. The agent says nothing until you hand back."))


class HandBackView(_Deed):
    """POST /agentos/support/<session_id>/hand-back/"""

    def do(self, request: HttpRequest, session_id: UUID) -> None:
        session = taking_over.hand_back(self.principal, session_id)
        self.closes = not session.is_of_widget and session.person_asked_at is None
        if self.closes:
            messages.success(request, _("The agent answers again. The chat is closed to you now, as it was before."))
        else:
            messages.success(request, _("The agent answers again, and knows all that was said."))


class ReplyView(_Deed):
    """POST /agentos/support/<session_id>/reply/ with `message`: for browsers without scripts; others ask REST."""

    def do(self, request: HttpRequest, session_id: UUID) -> None:
        taking_over.support_session(self.principal, session_id)
        text = checked_message(request.POST.get("message", "").replace("\x00", ""))
        if len(text) > LONGEST_REPLY:
            raise InvalidInput(fields={"message": [_("At most %(n)s characters.") % {"n": LONGEST_REPLY}]})
        taking_over.reply(self.principal, session_id, text)
