"""/agentos/commands/: the command library."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.opie.library.commands import visible_command
from apps.opie.web.command_form import form_of
from apps.opie.web.views import PieceOfPage


class CommandFieldsView(PieceOfPage):
    """GET /agentos/commands/<slug>/fields/: the form of a command on its own, for a dialog."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        command = visible_command(self.principal, slug)
        return render(request, "agentos/parts/command_piece.html", {"command": command, "fields": form_of(command)})
