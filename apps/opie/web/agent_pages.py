"""Making and changing an agent."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from apps.accounts.permissions import Permission
from apps.api.errors import Conflict, InvalidInput, NotAllowed
from apps.opie.agentos.agent_rows import change_agent, create_agent, require_may_manage, visible_agent
from apps.opie.models import Agent
from apps.opie.web.agent_form import AgentForm
from apps.opie.web.views import Page


class AgentFormPage(Page):
    """The form, for a new agent or one that is there."""

    template_name = "agentos/agent_form.html"
    area = "agents"

    def agent(self) -> Agent | None:
        """The agent to change. Raises NotFound or NotAllowed."""
        raise NotImplementedError

    def save(self, definition: dict[str, Any], agent: Agent | None) -> Agent:
        """Raises InvalidInput, Conflict."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        agent = self.agent()
        return self._show(AgentForm(self.principal, agent=agent), agent)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        agent = self.agent()
        form = AgentForm(self.principal, request.POST, agent=agent)
        if form.is_valid():
            try:
                saved = self.save(form.definition(), agent)
            except InvalidInput as error:
                form.add_refusals(error.fields or {})
            except Conflict as error:
                form.add_refusals({"agent_id": [error.message]})
            else:
                messages.success(
                    request,
                    _("“%(name)s” was saved as version %(version)s.") % {"name": saved.name, "version": saved.version},
                )
                return redirect("pages:agents")
        return self._show(form, agent, status=422)

    def _show(self, form: AgentForm, agent: Agent | None, status: int = 200) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form, agent=agent), status=status)


class AgentCreateView(AgentFormPage):
    """/agentos/agents/new/"""

    def agent(self) -> None:
        if not self.principal.may(Permission.MANAGE_AGENTS):
            raise NotAllowed

    def save(self, definition: dict[str, Any], agent: Agent | None) -> Agent:  # noqa: ARG002
        return create_agent(self.principal, definition)


class AgentChangeView(AgentFormPage):
    """/agentos/agents/<agent_id>/edit/"""

    def agent(self) -> Agent:
        agent = visible_agent(self.principal, self.kwargs["agent_id"])
        require_may_manage(self.principal, agent)
        return agent

    def save(self, definition: dict[str, Any], agent: Agent | None) -> Agent:
        assert agent is not None  # noqa: S101 - agent() answers one or raises
        return change_agent(self.principal, agent, definition)
