"""/agentos/dispatcher/: trying the dispatcher, whether its choices were good, and each choice with its candidates."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.permissions import Permission
from apps.api.errors import InvalidInput, NotAllowed
from apps.opie.engine.asking import LONGEST_MESSAGE
from apps.opie.engine.dispatcher.selecting import Selection, select
from apps.opie.engine.dispatcher.vocabulary import capabilities
from apps.opie.engine.loop import run_and_wait
from apps.opie.metrics.dispatches import report_dispatches
from apps.opie.models import Agent
from apps.opie.web.choices import (
    OUTCOMES,
    PERIODS,
    candidates_of,
    choices_of,
    names_of,
    own_choice,
    own_choices,
    since_of,
)
from apps.opie.web.score_plot import NARROW, WIDE, draw
from apps.opie.web.views import Page, PieceOfPage, page_number

# What fits into an address.
LONGEST_DRAFT = 1500


class TaskForm(forms.Form):
    """A task to try the dispatcher with."""

    task = forms.CharField(
        label=gettext_lazy("The task"),
        max_length=LONGEST_MESSAGE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto", "class": "textarea w-full"}),
    )
    capability = forms.ChoiceField(label=gettext_lazy("Only agents with"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["capability"]
        field.choices = [("", _("any capability")), *((code, code) for code in capabilities())]  # type: ignore[attr-defined]
        field.widget.attrs["class"] = "select w-full"


class DispatcherPage(Page):
    """A page about choices, for those who may see agents, as over REST."""

    area = "agents"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated and not self.principal.may(Permission.VIEW_AGENTS):
            raise NotAllowed
        return super().dispatch(request, *args, **kwargs)


class DispatcherView(DispatcherPage):
    """GET /agentos/dispatcher/?agent=&outcome=&days=&page=: figures and one's own choices. POST makes a choice for a
    task, as dispatcher/select/ does: it is kept, and nothing runs."""

    template_name = "agentos/dispatcher.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        agent_id, outcome, days = (asked.get(name, "")[:64] for name in ("agent", "outcome", "days"))
        since, page = since_of(days), page_number(asked.get("page", ""))
        shown, lines = choices_of(self.principal, agent_id, outcome, since, page)
        chosen = own_choices(self.principal).exclude(chosen="").order_by("chosen").values_list("chosen", flat=True)
        names = names_of(self.principal, ids := list(chosen.distinct()))
        context = {
            "lines": lines,
            "shown": shown,
            "agents": [(agent_id, names.get(agent_id, agent_id)) for agent_id in ids],
            "outcomes": [("", _("Whatever came of it")), *((name, label) for name, (label, _q) in OUTCOMES.items())],
            "periods": [(name, label) for name, (label, _length) in PERIODS.items()],
            "agent_id": agent_id,
            "outcome": outcome,
            "days": days,
            "form": TaskForm(),
            "may_run": self.principal.may(Permission.RUN_AGENTS),
        }
        return super().get_context_data(**(context | self._figures(days) | kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        if not self.principal.may(Permission.RUN_AGENTS):
            raise NotAllowed
        form = TaskForm(request.POST)
        if form.is_valid():
            wanted = [code for code in [form.cleaned_data["capability"]] if code]
            try:
                made = run_and_wait(select(self.principal, form.cleaned_data["task"], capabilities=wanted))
            except InvalidInput as error:
                form.add_error("task", [text for texts in error.fields.values() for text in texts])
            else:
                _tell_who_is_near(request, made)
                return redirect("pages:decision", made.decision_id)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _figures(self, days: str) -> dict[str, Any]:
        if not self.principal.may(Permission.VIEW_METRICS):
            return {"figures": None}
        figures = report_dispatches(self.principal, since_of(days))
        names = names_of(self.principal, figures.by_agent)
        return {
            "figures": figures,
            "wide_plot": draw(figures.by_score, WIDE),
            "narrow_plot": draw(figures.by_score, NARROW),
            "by_agent": [(names.get(agent_id, agent_id), one) for agent_id, one in figures.by_agent.items()],
        }


class ScorePlotView(PieceOfPage):
    """GET /agentos/dispatcher/scores.svg?days=: the plot as a file, in colours of its own."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not self.principal.may(Permission.VIEW_METRICS):
            raise NotAllowed
        figures = report_dispatches(self.principal, since_of(request.GET.get("days", "")))
        drawing = render_to_string(
            "agentos/parts/score_plot.html", {"plot": draw(figures.by_score, WIDE), "as_file": True}, request
        )
        response = HttpResponse(drawing, content_type="image/svg+xml; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="scores.svg"'
        return response


class DecisionView(DispatcherPage):
    """GET /agentos/dispatcher/decisions/<id>/: one choice with everybody who was a candidate."""

    template_name = "agentos/decision.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        decision = own_choice(self.principal, kwargs.pop("decision_id"))
        candidates = candidates_of(self.principal, decision)
        return super().get_context_data(
            decision=decision,
            candidates=candidates,
            name=candidates[0].name if candidates else "",
            run=decision.run,
            may_run=self.principal.may(Permission.RUN_AGENTS),
            draft=decision.task if len(decision.task) <= LONGEST_DRAFT else "",
            is_served=self._is_served(decision.chosen),
            **kwargs,
        )

    def _is_served(self, agent_id: str) -> bool:
        return Agent.objects.served_to(self.principal).filter(agent_id=agent_id).exists()


def _tell_who_is_near(request: HttpRequest, made: Selection) -> None:
    """Who comes near where nobody fits; it is not kept, so it is said once."""
    if made.agent_id is not None or not made.nearest:
        return
    names = names_of(request.principal, (one.agent_id for one in made.nearest))  # type: ignore[attr-defined]
    near = ", ".join(names.get(one.agent_id, one.agent_id) for one in made.nearest)
    messages.info(request, _("Nobody fits. The nearest: %(names)s.") % {"names": near})
