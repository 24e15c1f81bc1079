"""/api/v1/commands/: the command library. docs/commands.md shows how it is used."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission, requires
from apps.api.errors import InvalidInput
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.agentos.command_json import (
    CommandAnswer,
    CommandChange,
    CommandDefinition,
    CommandRow,
    CommandsImported,
    CommandsToImport,
    CommandToExecute,
    ParametersToPreview,
    Preview,
    TaskToRecommend,
    VersionToRestore,
    as_json,
)
from apps.opie.engine.outcome import result_of_run
from apps.opie.library.commands import (
    change_command,
    create_command,
    delete_command,
    mark_favourite,
    restore_version,
    visible_command,
)
from apps.opie.library.exchange import MOST_COMMANDS, export_commands, import_commands
from apps.opie.library.executor import CommandExecutor, CommandRun
from apps.opie.library.parameters import fields_of, read_parameters, schema_of
from apps.opie.library.registry import CommandRegistry
from apps.opie.models import CommandTemplate, CommandVersion
from apps.opie.models.runs import RunStatus

EVENT_STREAM = "text/event-stream"
LARGEST_BODY = 512 * 1024
TO_MANAGE = requires(Permission.MANAGE_AGENTS, to_read=Permission.VIEW_AGENTS)
TO_READ = requires(Permission.VIEW_AGENTS)
_FILTERS = [
    OpenApiParameter("search", str, description="Words; the last may be half typed."),
    OpenApiParameter("category", str),
    OpenApiParameter("tag", str, description="Repeat it for several, all of them."),
    OpenApiParameter("capability", str, description="Repeat it for several, all of them."),
    OpenApiParameter("favourite", bool),
    OpenApiParameter("own", bool, description="Whether one made it oneself."),
    OpenApiParameter(
        "ordering",
        str,
        description="name, uses, success_rate, avg_execution_time, updated_at or created_at; with - down.",
    ),
]
_STREAMED = OpenApiResponse(
    description="With stream: server-sent events; the first and the last tell of the command.", response=CommandAnswer
)


class CommandsView(generics.ListAPIView[CommandTemplate]):
    """The commands a person can see; making one."""

    permission_classes = [TO_MANAGE]
    serializer_class = CommandRow
    queryset = CommandTemplate.objects.none()

    def get_queryset(self) -> QuerySet[CommandTemplate]:
        return _asked_for(self.request)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "principal": principal_of(self.request)}

    @extend_schema(parameters=_FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=CommandDefinition, responses={201: CommandRow})
    def post(self, request: Request) -> Response:
        body = _read(CommandDefinition, request)
        made = create_command(principal_of(request), body)
        return Response(as_json(principal_of(request), made), status=status.HTTP_201_CREATED)


class CommandView(APIView):
    """One command, with what a form shows for its parameters."""

    permission_classes = [TO_MANAGE]

    @extend_schema(responses={200: CommandRow})
    def get(self, request: Request, slug: str) -> Response:
        command = _found(request, slug)
        return Response(_with_fields(request, command))

    @extend_schema(request=CommandChange, responses={200: CommandRow})
    def patch(self, request: Request, slug: str) -> Response:
        command = _found(request, slug)
        body = _read(CommandChange, request, partial=True)
        return Response(_with_fields(request, change_command(principal_of(request), command, body)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        delete_command(principal_of(request), _found(request, slug))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CommandVersionRow(serializers.Serializer[CommandVersion]):
    version = serializers.IntegerField(source="number")
    definition = serializers.JSONField()
    author = serializers.EmailField(source="author.email", default=None, allow_null=True)
    created_at = serializers.DateTimeField()


class CommandVersionsView(generics.ListAPIView[CommandVersion]):
    """A command as it was, newest first; and putting an earlier version in force again."""

    permission_classes = [TO_MANAGE]
    serializer_class = CommandVersionRow
    queryset = CommandVersion.objects.none()

    def get_queryset(self) -> QuerySet[CommandVersion]:
        command = _found(self.request, self.kwargs["slug"])
        return CommandVersion.objects.filter(command=command).select_related("author").order_by("-number")

    @extend_schema(request=VersionToRestore, responses={200: CommandRow})
    def post(self, request: Request, slug: str) -> Response:
        number = _read(VersionToRestore, request)["version"]
        command = restore_version(principal_of(request), _found(request, slug), number)
        return Response(_with_fields(request, command))


class CommandPreviewView(APIView):
    """The prompt as an agent would get it; nothing is run."""

    permission_classes = [TO_READ]

    @extend_schema(request=ParametersToPreview, responses={200: Preview})
    def post(self, request: Request, slug: str) -> Response:
        body = _read(ParametersToPreview, request)
        return Response({"prompt": CommandExecutor(principal_of(request)).preview(slug, body["parameters"])})


class CommandSchemaView(APIView):
    """A JSON Schema (2020-12) of a command's parameters."""

    permission_classes = [TO_READ]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, slug: str) -> Response:
        command = _found(request, slug)
        named = {"title": command.name, "description": command.description}
        return Response(schema_of(read_parameters(command.parameters)) | named)


class CommandFavouriteView(APIView):
    """A person's mark on a command."""

    permission_classes = [TO_READ]

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, slug: str) -> Response:
        mark_favourite(principal_of(request), _found(request, slug), favourite=True)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        mark_favourite(principal_of(request), _found(request, slug), favourite=False)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CommandStatisticsView(APIView):
    """What came of running a command."""

    permission_classes = [TO_READ]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, slug: str) -> Response:
        return Response(CommandRegistry(principal_of(request)).statistics_of(_found(request, slug)))


class CommandsStatisticsView(APIView):
    """The library in figures."""

    permission_classes = [TO_READ]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="commands_statistics_of_all")
    def get(self, request: Request) -> Response:
        return Response(CommandRegistry(principal_of(request)).statistics())


class CommandCategoriesView(APIView):
    """The categories, each with how many commands it has."""

    permission_classes = [TO_READ]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        return Response({"results": CommandRegistry(principal_of(request)).categories()})


class CommandRecommendView(APIView):
    """The commands that fit a task best."""

    permission_classes = [TO_READ]

    @extend_schema(request=TaskToRecommend, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        principal = principal_of(request)
        found = CommandRegistry(principal).recommend(**_read(TaskToRecommend, request))
        results = [
            {"command": as_json(principal, one.command), "score": one.score, "words": one.words} for one in found
        ]
        return Response({"results": results})


class CommandExportView(APIView):
    """Commands as a file, narrowed like the list."""

    permission_classes = [TO_READ]

    @extend_schema(parameters=_FILTERS, responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        answer = Response(export_commands(_asked_for(request)[:MOST_COMMANDS]))
        answer["Content-Disposition"] = 'attachment; filename="commands.json"'
        return answer


class CommandImportView(APIView):
    """Bring an export in: all of it, or nothing when anything in it is wrong."""

    permission_classes = [requires(Permission.MANAGE_AGENTS)]

    @extend_schema(request=CommandsToImport, responses={200: CommandsImported})
    def post(self, request: Request) -> Response:
        body = _read(CommandsToImport, request)
        imported = import_commands(
            principal_of(request), body["commands"], overwrite=body["overwrite"], dry_run=body["dry_run"]
        )
        return Response(imported.as_json())


class CommandExecuteView(PrincipalView):
    """Run a command: as JSON, as server-sent events, or in the background."""

    required = Permission.RUN_AGENTS
    largest_body = LARGEST_BODY

    @extend_schema(request=CommandToExecute, responses={200: _STREAMED, 202: CommandAnswer})
    async def post(self, request: HttpRequest, slug: str) -> HttpResponseBase:
        body = self.read_body(request, CommandToExecute)
        stream = body.pop("stream") or EVENT_STREAM in request.headers.get("Accept", "")
        run = await CommandExecutor(self.principal).open(slug, body.pop("parameters"), **body)
        if body["background"]:
            return await _as_far_as_it_is(run)
        if stream:
            return sse.response(self.principal, run.events(), run.turn.session_id)
        result = await run.turn.result()
        result.raise_for_failure()
        waits = result.status == RunStatus.WAITING
        return JsonResponse(
            run.result_as_json(result), status=status.HTTP_202_ACCEPTED if waits else status.HTTP_200_OK
        )


async def _as_far_as_it_is(run: CommandRun) -> JsonResponse:
    result = await rows.run(result_of_run, run.turn.run_id)
    return JsonResponse(run.result_as_json(result), status=status.HTTP_202_ACCEPTED)


def _asked_for(request: Request) -> QuerySet[CommandTemplate]:
    asked = request.query_params
    return CommandRegistry(principal_of(request)).search(
        asked.get("search", ""),
        category=asked.get("category", ""),
        tags=[tag for tag in asked.getlist("tag") if tag],
        capabilities=[capability for capability in asked.getlist("capability") if capability],
        favourite=_flag("favourite", asked.get("favourite", "")),
        own=_flag("own", asked.get("own", "")),
        ordering=asked.get("ordering", ""),
    )


def _flag(name: str, text: str) -> bool | None:
    if text.lower() not in ("", "true", "false", "1", "0"):
        raise InvalidInput(fields={name: ["Send true or false."]})
    return text.lower() in ("true", "1") if text else None


def _found(request: Request, address: str) -> CommandTemplate:
    return visible_command(principal_of(request), address)


def _with_fields(request: Request, command: CommandTemplate) -> dict[str, Any]:
    command.is_favourite = command.favourites.filter(user=principal_of(request).user_id).exists()  # type: ignore[attr-defined]
    fields = fields_of(read_parameters(command.parameters))
    return as_json(principal_of(request), command) | {"form": fields}


def _read(serializer: type[serializers.Serializer[Any]], request: Request, *, partial: bool = False) -> dict[str, Any]:
    body = serializer(data=request.data, partial=partial)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)
