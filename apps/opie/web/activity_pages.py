"""/agentos/runs/ and /agentos/approvals/: what goes on for a person, and what waits for their word."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.permissions import Permission, Reach
from apps.api.errors import NotAllowed
from apps.opie.engine import turn as turns
from apps.opie.engine.loop import run_and_wait
from apps.opie.engine.progress import progress_of
from apps.opie.ledger.summary import usage_of_runs
from apps.opie.models import Agent, AgentOSApproval, AgentOSRun
from apps.opie.models.approvals import ApprovalStatus
from apps.opie.web.activity import KINDS, STATES, activity_of, asked_of, line_of, output_of, own_runs
from apps.opie.web.approvals import waiting_for
from apps.opie.web.given import given_to
from apps.opie.web.views import Page, PieceOfPage, page_number

APPROVALS_ON_A_PAGE = 25
APPROVAL_FILTERS = {
    "": gettext_lazy("Waiting for you"),
    "pending": gettext_lazy("All that wait"),
    "decided": gettext_lazy("Decided"),
}


class RunsView(Page):
    """GET /agentos/runs/?state=&kind=&agent=&page=: a person's answers, newest first."""

    template_name = "agentos/runs.html"
    area = "activity"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        context = self.get_context_data(**kwargs)
        piece = request.GET.get("part") == "list"
        return render(request, "agentos/parts/runs.html" if piece else self.template_name, context)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        state, kind = (asked.get(name, "")[:64] for name in ("state", "kind"))
        agent_id, page = asked.get("agent", "")[:64], page_number(asked.get("page", ""))
        used = AgentOSRun.objects.visible_to(self.principal).values("agent")
        return super().get_context_data(
            activity=activity_of(self.principal, state, kind, agent_id, page),
            states=[("", _("All"))] + [(name, label) for name, (label, _statuses) in STATES.items()],
            kinds=[("", _("Everything"))] + [(name, label) for name, (label, _where) in KINDS.items()],
            agents=Agent.objects.filter(pk__in=used).only("agent_id", "name").order_by("name"),
            state=state,
            kind=kind,
            agent_id=agent_id,
            page=page,
            may_run=self.principal.may(Permission.RUN_AGENTS),
            **kwargs,
        )


class RunView(Page):
    """GET /agentos/runs/<run_id>/: one answer on its own; what is not in any chat is read here."""

    template_name = "agentos/run.html"
    area = "activity"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = get_object_or_404(own_runs(self.principal), pk=kwargs.pop("run_id"))
        usage = usage_of_runs([run.pk]).get(run.pk)
        return super().get_context_data(
            run=run,
            line=line_of(run, usage, progress_of([run]).get(run.pk)),
            usage=usage,
            asked=asked_of(run),
            output=output_of(run),
            given=given_to([run]).get(run.pk),
            approvals=run.approvals.select_related("user", "decided_by", "run").order_by("id"),
            may_run=self.principal.may(Permission.RUN_AGENTS),
            **kwargs,
        )


class CancelRunView(PieceOfPage):
    """POST /agentos/runs/<run_id>/cancel/: ask for it to be stopped, wherever it runs."""

    def post(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        run = get_object_or_404(own_runs(self.principal), pk=run_id)
        if not self.principal.may(Permission.RUN_AGENTS):
            raise NotAllowed
        run_and_wait(turns.stop(self.principal, run.pk))
        messages.success(request, _("It is being stopped. What was written is kept."))
        return redirect("pages:runs")


class ApprovalsView(Page):
    """GET /agentos/approvals/?show=: calls of tools that wait for a yes, and those that were decided."""

    template_name = "agentos/approvals.html"
    area = "activity"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        show = self.request.GET.get("show", "")
        show = show if show in APPROVAL_FILTERS else ""
        visible = AgentOSApproval.objects.visible_to(self.principal)
        found = {
            "": waiting_for(self.principal),
            "pending": visible.pending(),
            "decided": visible.exclude(status=ApprovalStatus.PENDING),
        }[show]
        page = Paginator(
            found.select_related("user", "decided_by", "agent", "run__session__agent").order_by("-id"),
            APPROVALS_ON_A_PAGE,
        ).get_page(self.request.GET.get("page"))
        return super().get_context_data(
            approvals=page,
            show=show,
            filters=list(APPROVAL_FILTERS.items()),
            is_manager=self.principal.reach(Permission.MANAGE_AGENTS) is Reach.YES,
            **kwargs,
        )


class ApprovalView(Page):
    """GET /agentos/approvals/<approval_id>/: one of them; with ?part=card only its card."""

    template_name = "agentos/approval.html"
    area = "activity"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        context = self.get_context_data(**kwargs)
        piece = request.GET.get("part") == "card"
        return render(request, "agentos/parts/approval_card.html" if piece else self.template_name, context)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        visible = AgentOSApproval.objects.visible_to(self.principal)
        parts = visible.select_related("user", "decided_by", "agent", "run__session__agent")
        return super().get_context_data(approval=get_object_or_404(parts, pk=kwargs.pop("approval_id")), **kwargs)
