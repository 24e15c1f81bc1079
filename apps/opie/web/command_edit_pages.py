"""/agentos/commands/: making, changing, restoring and bringing in commands."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from apps.accounts.permissions import Permission
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound, flatten_fields
from apps.opie.agentos.command_json import CommandsToImport
from apps.opie.library.commands import (
    change_command,
    create_command,
    delete_command,
    may_manage,
    restore_version,
    visible_command,
)
from apps.opie.library.definition import check_definition
from apps.opie.library.exchange import Imported, import_commands
from apps.opie.library.registry import CommandRegistry
from apps.opie.library.template import LONGEST_TEMPLATE
from apps.opie.models import CommandTemplate, CommandVersion
from apps.opie.web.command_editor import LONGEST_PARAMETERS, CommandEditor, limits_by_type, types_named
from apps.opie.web.command_list import title_of
from apps.opie.web.views import Page, PieceOfPage, page_number

VERSIONS_ON_A_PAGE = 20
LARGEST_IMPORT = 5 * 1024 * 1024
MOST_PROBLEMS_SHOWN = 20
MOST_DIGITS = 9


class CommandEditorPage(Page):
    """The form, for a new command or one that is there."""

    template_name = "agentos/command_editor.html"
    area = "commands"

    def command(self) -> CommandTemplate | None:
        """The command to change. Raises NotFound or NotAllowed."""
        raise NotImplementedError

    def like(self) -> CommandTemplate | None:
        """The command that a new one begins as. Raises NotFound."""
        return None

    def save(self, definition: dict[str, Any], command: CommandTemplate | None) -> CommandTemplate:
        """Raises InvalidInput, Conflict."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        command = self.command()
        return self._show(CommandEditor(self.principal, command=command, like=self.like()), command)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        command = self.command()
        form = CommandEditor(self.principal, request.POST, command=command)
        if form.is_valid():
            try:
                saved = self.save(form.definition(), command)
            except InvalidInput as error:
                form.add_refusals(error.fields or {"": [error.message]})
            except Conflict as error:
                form.add_refusals({"slug" if command is None else "visibility": [error.message]})
            else:
                text = _("“%(name)s” was saved as version %(version)s.")
                messages.success(request, text % {"name": saved.name, "version": saved.version})
                return redirect("pages:command", saved.address)
        return self._show(form, command, status=422)

    def _show(self, form: CommandEditor, command: CommandTemplate | None, status: int = 200) -> HttpResponse:
        categories = [row["category"] for row in CommandRegistry(self.principal).categories() if row["category"]]
        context = self.get_context_data(
            form=form,
            command=command,
            categories=[(slug, title_of(slug)) for slug in categories],
            types=types_named(),
            limits=limits_by_type(),
            parameter_problems=form.parameter_problems,
        )
        return self.render_to_response(context, status=status)


class CommandCreateView(CommandEditorPage):
    """/agentos/commands/new/?from="""

    def command(self) -> None:
        if not self.principal.may(Permission.MANAGE_AGENTS) or self.principal.team_id is None:
            raise NotAllowed

    def like(self) -> CommandTemplate | None:
        address = self.request.GET.get("from", "")
        return visible_command(self.principal, address) if address else None

    def save(self, definition: dict[str, Any], command: CommandTemplate | None) -> CommandTemplate:  # noqa: ARG002
        return create_command(self.principal, definition)


class CommandChangeView(CommandEditorPage):
    """/agentos/commands/<slug>/edit/; POST with action=delete takes it away."""

    def command(self) -> CommandTemplate:
        command = visible_command(self.principal, self.kwargs["slug"])
        if not may_manage(self.principal, command):
            raise NotAllowed
        return command

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("action") != "delete":
            return super().post(request, *args, **kwargs)
        command = self.command()
        delete_command(self.principal, command)
        messages.success(request, _("“%(name)s” was deleted.") % {"name": command.name})
        return redirect("pages:commands")

    def save(self, definition: dict[str, Any], command: CommandTemplate | None) -> CommandTemplate:
        assert command is not None  # noqa: S101 - command() answers one or raises
        return change_command(self.principal, command, definition)


class CommandCheckView(PieceOfPage):
    """POST /agentos/commands/check/ with template and parameters: what is wrong with them, while one writes."""

    def post(self, request: HttpRequest) -> HttpResponse:
        template = request.POST.get("template", "")[: LONGEST_TEMPLATE + 1]
        try:
            parameters = json.loads(request.POST.get("parameters", "")[:LONGEST_PARAMETERS] or "[]")
            check_definition(template, parameters)
        except InvalidInput as error:
            return JsonResponse({"problems": error.fields})
        except (ValueError, RecursionError):
            return JsonResponse({"problems": {"parameters": [_("This is not JSON.")]}})
        return JsonResponse({"problems": {}})


@dataclass(frozen=True, slots=True)
class Change:
    """One version: what is different from the one before. `lines` are of the template, each with + or - or a blank."""

    version: CommandVersion
    fields: list[str]
    lines: list[str]


class CommandVersionsView(Page):
    """/agentos/commands/<slug>/versions/?page=: a command as it was, newest first; POST with version puts one in force."""

    template_name = "agentos/command_versions.html"
    area = "commands"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        command = visible_command(self.principal, kwargs.pop("slug"))
        rows = CommandVersion.objects.filter(command=command).select_related("author").order_by("-number")
        page = Paginator(rows, VERSIONS_ON_A_PAGE).get_page(page_number(self.request.GET.get("page", "")))
        return super().get_context_data(
            command=command,
            page=page,
            changes=list(_changes(command, list(page))),
            may_manage=may_manage(self.principal, command),
            **kwargs,
        )

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        command = visible_command(self.principal, slug)
        number = request.POST.get("version", "")
        if not may_manage(self.principal, command):
            raise NotAllowed
        if not number.isdecimal() or len(number) > MOST_DIGITS:
            raise NotFound
        try:
            restored = restore_version(self.principal, command, int(number))
        except InvalidInput as error:
            messages.error(request, error.message)
            return redirect("pages:command-versions", command.address)
        text = _("Version %(old)s is in force again, as version %(new)s.")
        messages.success(request, text % {"old": number, "new": restored.version})
        return redirect("pages:command", restored.address)


class CommandImportView(Page):
    """/agentos/commands/import/: bring an export in, all of it or nothing."""

    template_name = "agentos/command_import.html"
    area = "commands"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        self._require()
        return self.render_to_response(self.get_context_data(problems=[]))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        self._require()
        file = request.FILES.get("file")
        try:
            imported = self._bring_in(file, overwrite=bool(request.POST.get("overwrite")))
        except InvalidInput as error:
            return self.render_to_response(self.get_context_data(problems=list(_in_lines(error))), status=422)
        return self.render_to_response(self.get_context_data(problems=[], imported=imported))

    def _bring_in(self, file: "UploadedFile[bytes] | None", *, overwrite: bool) -> Imported:
        if file is None or not file.size:
            raise InvalidInput(_("Choose a file."))
        if file.size > LARGEST_IMPORT:
            raise InvalidInput(_("This file is too large: at most %(most)s MB.") % {"most": LARGEST_IMPORT // 2**20})
        try:
            body = CommandsToImport(data=json.loads(file.read().decode("utf-8-sig")))
            body.is_valid(raise_exception=True)
        except ValidationError as error:
            raise InvalidInput(_("Nothing was imported."), fields=flatten_fields(error.detail)) from None
        except (ValueError, RecursionError):
            raise InvalidInput(_("This file is not JSON, or not UTF-8.")) from None
        return import_commands(self.principal, body.validated_data["commands"], overwrite=overwrite)

    def _require(self) -> None:
        if not self.principal.may(Permission.MANAGE_AGENTS) or self.principal.team_id is None:
            raise NotAllowed


def _changes(command: CommandTemplate, versions: list[CommandVersion]) -> Iterator[Change]:
    """Each version beside the one before it."""
    if not versions:
        return
    before_these = CommandVersion.objects.filter(command=command, number__lt=versions[-1].number)
    earlier = [*versions[1:], before_these.order_by("-number").first()]
    for version, before in zip(versions, earlier, strict=True):
        now, then = version.definition, before.definition if before else {}
        fields = [name for name, value in now.items() if then.get(name) != value] if before else []
        yield Change(version, fields, _difference(then.get("template", ""), now.get("template", "")))


def _difference(before: str, now: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=2)
    # The first two name the files.
    return [line for place, line in enumerate(lines) if place > 1]


def _in_lines(error: InvalidInput) -> Iterator[str]:
    """What is wrong, as one reads it, the first of it."""
    if not error.fields:
        yield error.message
    for place, texts in list(error.fields.items())[:MOST_PROBLEMS_SHOWN]:
        yield f"{place}: {' '.join(texts)}"
