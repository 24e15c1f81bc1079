"""/agentos/history/: a person's chats, to be found, taken away as files and brought in from one."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.accounts.permissions import Permission
from apps.api.errors import InvalidInput, NotAllowed, OpieError, TooLarge
from apps.opie.agentos.conversation_file import MOST_CONVERSATIONS
from apps.opie.agentos.conversation_import import BroughtIn, import_sent
from apps.opie.models import Agent, AgentOSSession
from apps.opie.web.history import PAGE_SIZE, HistoryFilters, history_of, link_to
from apps.opie.web.views import Page, page_number

MOST_LINKS = 20


class HistoryView(Page):
    """GET /agentos/history/?q=&agent=&from=&to=&archived=&page=: chats, newest first, and those of them to take away.
    With ?part=list&q=&session=&page= the list beside a chat, which htmx puts in place."""

    template_name = "agentos/history.html"
    area = "chat"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        if request.GET.get("part") == "list":
            return render(request, "agentos/parts/history.html", {"history": self._beside_a_chat()})
        return self.render_to_response(self.get_context_data(**kwargs))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filters = HistoryFilters.of(self.request.GET)
        sessions = filters.sessions_of(self.principal).select_related("agent").order_by("-updated_at", "-id")
        page = Paginator(sessions, PAGE_SIZE).get_page(page_number(self.request.GET.get("page", "")))
        used = AgentOSSession.objects.visible_to(self.principal).order_by().values("agent")
        return super().get_context_data(
            filters=filters,
            page=page,
            chats=[(session, link_to(session)) for session in page],
            agents=Agent.objects.filter(pk__in=used).only("agent_id", "name").order_by("name"),
            may_import=_may_import(self),
            **kwargs,
        )

    def _beside_a_chat(self) -> Any:
        asked = self.request.GET
        page, current = asked.get("page", ""), asked.get("session", "")
        return history_of(
            self.principal, asked.get("q", ""), _uuid_or_404(current) if current else None, page_number(page)
        )


class HistoryImportView(Page):
    """/agentos/history/import/: bring an export in; all of it is checked first."""

    template_name = "agentos/history_import.html"
    area = "chat"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        self._require()
        return self._show()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        self._require()
        try:
            brought_in = self._bring_in(request.FILES.get("file"))
        except (InvalidInput, TooLarge) as error:
            return self._show(problems=list(_in_lines(error)), status=422)
        return self._show(brought_in)

    def _bring_in(self, file: "UploadedFile[bytes] | None") -> BroughtIn:
        if file is None or not file.size:
            raise InvalidInput(_("Choose a file."))
        # One byte more than is taken: then it is refused as too large.
        return import_sent(self.principal, file.read(settings.OPIE_CONVERSATIONS_LARGEST_FILE + 1))

    def _show(
        self, brought_in: BroughtIn | None = None, problems: list[str] | None = None, status: int = 200
    ) -> HttpResponse:
        new = brought_in.new if brought_in else []
        found = AgentOSSession.objects.visible_to(self.principal).filter(pk__in=new[:MOST_LINKS])
        context = self.get_context_data(
            problems=problems or [],
            brought_in=brought_in,
            links=[link_to(session) for session in found.select_related("agent").order_by("-updated_at")],
            more=max(0, len(new) - MOST_LINKS),
            megabytes=f"{settings.OPIE_CONVERSATIONS_LARGEST_FILE / 1_000_000:g}",
            most=MOST_CONVERSATIONS,
        )
        return self.render_to_response(context, status=status)

    def _require(self) -> None:
        if not _may_import(self):
            raise NotAllowed


def _may_import(page: Page) -> bool:
    return page.principal.may(Permission.RUN_AGENTS) and page.principal.team_id is not None


def _uuid_or_404(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _in_lines(error: OpieError) -> Iterator[str]:
    if not error.fields:
        yield error.message
    for place, texts in error.fields.items():
        yield f"{place}: {' '.join(texts)}"
