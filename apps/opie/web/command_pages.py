"""/agentos/commands/: finding a command, filling it in, running it, and what came of it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.permissions import Permission
from apps.api.errors import InvalidInput, OpieError
from apps.opie.engine.loop import run_and_wait
from apps.opie.library.commands import mark_favourite, may_manage, visible_command
from apps.opie.library.executor import CommandExecutor
from apps.opie.models import CommandTemplate
from apps.opie.models.commands import CommandStatus
from apps.opie.web.command_form import by_parameter, form_of, read_sent, sent_texts, texts_of
from apps.opie.web.command_list import Filters, capabilities_asked_for, commands_shown, title_of
from apps.opie.web.command_runs import answering, figures_of, history_of, own_executions, reasons
from apps.opie.web.transcript import Answer, ToolCall
from apps.opie.web.views import Page, PieceOfPage, page_number


class CommandsView(Page):
    """GET /agentos/commands/?q=&category=&capability=&favourites=&mine=&page=: the library; with ?part=list only what
    a search puts in place."""

    template_name = "agentos/commands.html"
    area = "commands"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        filters = Filters.of(request.GET)
        shown = commands_shown(self.principal, filters, request.GET.get("page", ""))
        may_create = self.principal.may(Permission.MANAGE_AGENTS) and self.principal.team_id is not None
        if request.GET.get("part") == "list":
            return render(request, "agentos/parts/commands.html", {"shown": shown, "may_create": may_create})
        context = self.get_context_data(
            shown=shown, may_create=may_create, capabilities=capabilities_asked_for(self.principal), **kwargs
        )
        return self.render_to_response(context)


class CommandFavouriteView(PieceOfPage):
    """POST /agentos/commands/<slug>/favourite/ with favourite=true or false; for browsers without scripts."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        command = visible_command(self.principal, slug)
        mark_favourite(self.principal, command, favourite=request.POST.get("favourite") == "true")
        if request.POST.get("back") == "command":
            return redirect("pages:command", command.address)
        return redirect("pages:commands")


class CommandFieldsView(PieceOfPage):
    """GET /agentos/commands/<slug>/fields/: the form of a command on its own, for a dialog."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        command = visible_command(self.principal, slug)
        return render(request, "agentos/parts/command_piece.html", {"command": command, "fields": form_of(command)})


class CommandView(Page):
    """/agentos/commands/<slug>/?run=&page=: one command, its form, and what came of it. POST runs it in the background,
    for browsers without scripts; with ?part=past only the history and the figures."""

    template_name = "agentos/command.html"
    area = "commands"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        command = self._command()
        if request.GET.get("part") == "past":
            return render(request, "agentos/parts/command_past.html", self._past(command))
        return self._show(command, texts=self._texts_of_run(command))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        command = self._command()
        texts = sent_texts(request.POST)
        try:
            run = run_and_wait(
                CommandExecutor(self.principal).open(
                    command.address,
                    read_sent(command, texts),
                    new_session=bool(request.POST.get("new_session")),
                    agent_id=request.POST.get("agent_id") or None,
                    background=True,
                )
            )
        except InvalidInput as error:
            return self._show(command, texts=texts, problems=by_parameter(error.fields), status=422)
        except OpieError as error:
            return self._show(command, texts=texts, refusal=error.message, status=error.http_status)
        return redirect("pages:run", run.turn.run_id)

    def _command(self) -> CommandTemplate:
        command = visible_command(self.principal, self.kwargs["slug"])
        command.is_favourite = command.favourites.filter(user=self.principal.user_id).exists()  # type: ignore[attr-defined]
        return command

    def _show(
        self,
        command: CommandTemplate,
        *,
        texts: dict[str, list[str]] | None = None,
        problems: dict[str, list[str]] | None = None,
        refusal: str = "",
        status: int = 200,
    ) -> HttpResponse:
        context = self.get_context_data(
            **self._past(command),
            fields=form_of(command, texts, problems),
            problems=problems,
            refusal=refusal,
            category_title=title_of(command.category) if command.category else "",
            answering=answering(self.principal, command),
            may_run=self.principal.may(Permission.RUN_AGENTS) and command.status != CommandStatus.WITHDRAWN,
            may_manage=may_manage(self.principal, command),
            may_create=self.principal.may(Permission.MANAGE_AGENTS),
            blank_answer=Answer(agent_name=""),
            blank_tool=ToolCall("", "", status="running"),
            phrases=_phrases(),
        )
        return self.render_to_response(context, status=status)

    def _past(self, command: CommandTemplate) -> dict[str, Any]:
        page = page_number(self.request.GET.get("page", ""))
        return {
            "command": command,
            "history": history_of(self.principal, command, page),
            "figures": figures_of(self.principal, command),
        }

    def _texts_of_run(self, command: CommandTemplate) -> dict[str, list[str]] | None:
        """The values of the run that the address names, to be run with once more."""
        try:
            wanted = UUID(self.request.GET.get("run", ""))
        except ValueError:
            return None
        execution = own_executions(self.principal, command).filter(pk=wanted).first()
        return texts_of(command, execution.parameters) if execution else None


def _phrases() -> dict[str, str]:
    """What the page's script says, in the reader's language."""
    return {
        "answering": _("The agent is answering."),
        "finished": _("The answer is complete."),
        "stopped": _("The answer was stopped."),
        "failed": _("The agent could not answer."),
        "approval": _("The agent asks for approval."),
        "unreachable": _("The connection broke. Check your network and try again."),
        "refused": _("The server would not run this command."),
        "required": _("This is required."),
        "unreadable": _("This cannot be read. Check quotes, commas and brackets, or write one item a line."),
        "incomplete": _("To see the whole prompt, fill in: FIELDS."),
        "unfit": _("Mend what is marked to see the prompt."),
        "chat": reverse("pages:chat", args=["AGENT"]) + "?session=SESSION",
        "run": reverse("pages:run", args=[UUID(int=0)]),
        **{f"why_{name}": text for name, text in reasons().items()},
    }
