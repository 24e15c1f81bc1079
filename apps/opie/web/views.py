"""The pages of AgentOS. Each reads through `visible_to`, so that what is not this person's is not there: 404."""

import json
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.generic import RedirectView, TemplateView, View

from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, NotAllowed
from apps.opie.agentos.agent_rows import may_manage
from apps.opie.agentos.conversation_markdown import conversation_as_markdown
from apps.opie.agentos.service import LONGEST_MESSAGE
from apps.opie.agentos.support_rows import person_for_asker, waiting_chats
from apps.opie.engine.branches import branch_off, newest_end
from apps.opie.engine.clearing import clear_history
from apps.opie.engine.taking_over import somebody_may_come
from apps.opie.metrics.agents import figures_of_agents
from apps.opie.metrics.dashboard_cards import cards_for
from apps.opie.models import Agent, AgentOSError, AgentOSSession
from apps.opie.models.reactions import LONGEST_REASON
from apps.opie.models.sessions import WhenBusy
from apps.opie.web.approvals import waiting_for
from apps.opie.web.export import session_as_json
from apps.opie.web.history import history_of, link_to
from apps.opie.web.instance import Instance
from apps.opie.web.runs import runs_of
from apps.opie.web.transcript import Answer, ToolCall, transcript_of

AGENTS_AT_A_GLANCE = 6
RECENT_SESSIONS = 8


class Page(LoginRequiredMixin, TemplateView):
    """A page for somebody who is signed in. `area` is the part of the product that the bar shows as current."""

    area = ""

    @property
    def principal(self) -> Principal:
        return self.request.principal  # type: ignore[attr-defined,no-any-return]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            current_area=self.area,
            principal=self.principal,
            may_answer_customers=self.principal.may(Permission.ANSWER_CUSTOMERS),
            may_manage_webhooks=self.principal.may(Permission.MANAGE_TEAM),
            # Asked for by the bar, once, and not at all for a piece of a page.
            waiting_approvals=cache(lambda: waiting_for(self.principal).count()),
            waiting_chats=cache(lambda: waiting_chats(self.principal)),
            **kwargs,
        )


class PieceOfPage(LoginRequiredMixin, View):
    """A piece of a page, or a deed, for somebody who is signed in."""

    @property
    def principal(self) -> Principal:
        return self.request.principal  # type: ignore[attr-defined,no-any-return]


class HomeView(RedirectView):
    pattern_name = "pages:dashboard"


class AgentOSDashboardView(Page):
    """GET /agentos/: agents at a glance, a quick way into a chat, recent chats, and how the instance is."""

    template_name = "agentos/dashboard.html"
    area = "home"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        agents = Agent.objects.served_to(self.principal)
        recent = _sessions_of(self.principal).filter(message_count__gt=0).order_by("-updated_at")[:RECENT_SESSIONS]
        return super().get_context_data(
            agents=_default_first(agents[:AGENTS_AT_A_GLANCE]),
            agent_count=agents.count(),
            recent=[(session, link_to(session)) for session in recent],
            instance=Instance.now(),
            cards=cards_for(self.principal),
            may_run=self.principal.may(Permission.RUN_AGENTS),
            may_create=self.principal.may(Permission.MANAGE_AGENTS),
            **kwargs,
        )


class AgentOSAgentListView(Page):
    """GET /agentos/agents/: what each agent can do, with what, how well, and who may change it."""

    template_name = "agentos/agents.html"
    area = "agents"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        search = self.request.GET.get("q", "").strip()[:200]
        agents = list(
            Agent.objects.visible_to(self.principal)
            .with_parts(self.principal)
            .select_related("owner")
            .containing(search)
        )
        figures = figures_of_agents([agent.pk for agent in agents], self.principal)
        return super().get_context_data(
            agents=[(agent, figures[agent.pk], may_manage(self.principal, agent)) for agent in agents],
            search=search,
            may_create=self.principal.may(Permission.MANAGE_AGENTS),
            may_run=self.principal.may(Permission.RUN_AGENTS),
            **kwargs,
        )


class ChatHomeView(Page):
    """GET /agentos/chat/: on to the last chat's agent, or the first agent there is."""

    template_name = "agentos/no_agents.html"
    area = "chat"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        served = Agent.objects.served_to(self.principal)
        last = _sessions_of(self.principal).filter(agent__in=served).order_by("-updated_at").first()
        agent = last.agent if last else next(iter(_default_first(served[:AGENTS_AT_A_GLANCE])), None)
        if agent is None:
            return self.render_to_response(self.get_context_data(**kwargs))
        return redirect("pages:chat", agent.agent_id)


class AgentOSChatView(Page):
    """GET /agentos/chat/<agent_id>/?session=: the conversation, with the history beside it."""

    template_name = "agentos/chat.html"
    area = "chat"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        context = self.get_context_data(**kwargs)
        if self._before() is not None:
            return render(request, "agentos/parts/earlier.html", context)
        if request.GET.get("part") == "log":
            return render(request, "agentos/parts/log.html", context)
        return self.render_to_response(context)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        agents = Agent.objects.served_to(self.principal)
        agent = get_object_or_404(agents, agent_id=kwargs.pop("agent_id"))
        session = self._session()
        return super().get_context_data(
            agent=agent,
            agents=agents.only("agent_id", "name", "description"),
            session=session,
            transcript=transcript_of(session, self._before(), self._tip(session)) if session else None,
            history=history_of(self.principal, current=session.pk if session else None),
            may_run=self.principal.may(Permission.RUN_AGENTS),
            handover=person_for_asker(session or AgentOSSession()),
            may_ask_person=partial(somebody_may_come, self.principal),
            blank_answer=Answer(agent_name=agent.name),
            blank_tool=ToolCall("", "", status="running"),
            phrases=_phrases(),
            longest_message=LONGEST_MESSAGE,
            longest_reason=LONGEST_REASON,
            draft=self.request.GET.get("draft", ""),
            **kwargs,
        )

    def _session(self) -> AgentOSSession | None:
        wanted = self.request.GET.get("session")
        if not wanted:
            return None
        return get_object_or_404(_sessions_of(self.principal), pk=_uuid_or_404(wanted))

    def _tip(self, session: AgentOSSession) -> UUID | None:
        """The end of the branch that the address names; None for the one the session shows."""
        wanted = self.request.GET.get("message")
        return newest_end(session, _uuid_or_404(wanted)) if wanted else None

    def _before(self) -> int | None:
        wanted = self.request.GET.get("before", "")
        return int(wanted) if wanted.isdecimal() and len(wanted) < 10 else None


class AgentOSSessionView(Page):
    """GET /agentos/session/<session_id>/: one chat with everything that is known about it."""

    template_name = "agentos/session.html"
    area = "chat"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        session = get_object_or_404(_sessions_of(self.principal), pk=kwargs["session_id"])
        served = session.agent and Agent.objects.served_to(self.principal).filter(pk=session.agent.pk).exists()
        return super().get_context_data(
            session=session,
            transcript=transcript_of(session),
            runs=runs_of(session),
            errors=AgentOSError.objects.visible_to(self.principal).filter(last_run__session=session),
            goes_on_at=link_to(session).address if served else None,
            may_run=self.principal.may(Permission.RUN_AGENTS),
            ways_when_busy=_ways_when_busy(),
            **kwargs,
        )


class RenameSessionView(PieceOfPage):
    """POST /agentos/session/<session_id>/rename/ with title, and when_busy where that is to change."""

    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        session = get_object_or_404(_sessions_of(self.principal), pk=session_id)
        title = request.POST.get("title", "").replace("\x00", "").strip()
        when_busy = request.POST.get("when_busy", session.when_busy)
        if 0 < len(title) <= 200 and when_busy in WhenBusy.values:
            # Not save(): renaming a chat must not move it to the top of the history.
            AgentOSSession.objects.filter(pk=session.pk).update(title=title, when_busy=when_busy)
        else:
            messages.error(request, _("A title has between 1 and 200 characters."))
        return redirect("pages:session", session.pk)


class BranchSessionView(PieceOfPage):
    """POST /agentos/session/<session_id>/branch/: a new chat that begins with all that is shown in this one."""

    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        session = get_object_or_404(_sessions_of(self.principal), pk=session_id)
        if not self.principal.may(Permission.RUN_AGENTS):
            raise NotAllowed
        if session.head_id is None:
            messages.error(request, _("Nothing was said in this chat yet."))
            return redirect("pages:session", session.pk)
        made = branch_off(self.principal, session.pk, session.head_id)
        messages.success(request, _("This is the new chat. The other one stays as it is."))
        return redirect("pages:session", made.pk)


class ClearSessionView(PieceOfPage):
    """POST /agentos/session/<session_id>/clear/: all that was said goes, and the chat stays."""

    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        session = get_object_or_404(_sessions_of(self.principal), pk=session_id)
        try:
            clear_history(self.principal, session.pk)
        except Conflict:
            messages.error(request, _("An answer is still being written in this chat. Stop it first."))
        else:
            messages.success(request, _("This chat is empty now."))
        return redirect("pages:session", session.pk)


class DeleteSessionView(LoginRequiredMixin, View):
    """POST /agentos/session/<session_id>/delete/: the chat and its messages go; what it cost stays in the books."""

    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        session = get_object_or_404(_sessions_of(request.principal), pk=session_id)  # type: ignore[attr-defined]
        if session.runs.live().exists():
            messages.error(request, _("An answer is still being written in this chat. Stop it first."))
            return redirect("pages:session", session.pk)
        title = session.title or _("New chat")
        session.delete()
        messages.success(request, _("“%(title)s” was deleted.") % {"title": title})
        return redirect("pages:dashboard")


class ExportSessionView(LoginRequiredMixin, View):
    """GET /agentos/session/<session_id>/export.json and export.md."""

    def get(self, request: HttpRequest, session_id: UUID, form: str) -> HttpResponse:
        session = get_object_or_404(_sessions_of(request.principal), pk=session_id)  # type: ignore[attr-defined]
        if form == "json":
            body = json.dumps(session_as_json(session), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
            response = HttpResponse(body, content_type="application/json; charset=utf-8")
        elif form == "md":
            response = HttpResponse(conversation_as_markdown(session), content_type="text/markdown; charset=utf-8")
        else:
            raise Http404
        name = slugify(session.title)[:60] or "chat"
        response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
        return response


def page_number(text: str) -> int:
    """The page an address asks for; the first for nonsense."""
    return max(1, int(text)) if text.isdecimal() and len(text) < 6 else 1


def _sessions_of(principal: Principal) -> QuerySet[AgentOSSession]:
    return AgentOSSession.objects.visible_to(principal).select_related("agent")


def _default_first(agents: QuerySet[Agent]) -> list[Agent]:
    """The general assistant, which everybody knows, comes first."""
    return sorted(agents, key=lambda agent: agent.agent_id != "assistant")


def _uuid_or_404(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _ways_when_busy() -> list[tuple[str, str]]:
    """What may become of a message that is sent while an answer is written."""
    return [
        (WhenBusy.QUEUE, _("It waits its turn")),
        (WhenBusy.STEER, _("The answer is stopped, and the message is next")),
        (WhenBusy.REFUSE, _("It is not taken")),
    ]


def _phrases() -> dict[str, str]:
    """What the chat's script says, in the reader's language."""
    return {
        "answering": _("The agent is answering."),
        "finished": _("The answer is complete."),
        "stopped": _("The answer was stopped."),
        "failed": _("The agent could not answer."),
        "unreachable": _(
            "The connection broke, and the message may not have arrived. Check your network and try again."
        ),
        "refused": _("The server would not take this message."),
        "lost": _("The connection is lost."),
        "back": _("The connection is back."),
        "approval": _("The agent asks for approval."),
        "reacted": _("Thank you. If you like, say why."),
        "reason_kept": _("Thank you. Your reason is kept."),
        "reaction_taken_back": _("What you thought of it is taken back."),
        "withdrawn": _("The message was withdrawn."),
        "person_waits": _("A person of the team is asked for."),
        "person_came": _("VALUE of the team answers here now."),
        "person_gone": _("The agent answers again."),
        "left_to_person": _("The message was sent. A person of the team answers here."),
        "version": _("Version VALUE is shown."),
        "commands": _("Commands: VALUE. The arrow keys choose, Enter takes one, Escape closes."),
        "no_commands": _("No command fits. Enter sends it as a message."),
        "commands_lost": _("The commands could not be loaded. Enter tries again."),
        "required": _("This is required."),
        "unreadable": _("This cannot be read. Check quotes, commas and brackets, or write one item a line."),
        "incomplete": _("To see the whole prompt, fill in: FIELDS."),
        "unfit": _("Mend what is marked to see the prompt."),
    }
