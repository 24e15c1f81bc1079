"""/api/v1/conversations/export/ and /import/: one's own conversations as a file, and a file as one's own.

Not for visitors of widgets: what a shop's conversations hold is the shop's.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission, requires
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotFound, TooLarge
from apps.api.parsers import read_at_most
from apps.opie import rows
from apps.opie.agentos.conversation_export import FORMATS, Format, in_turn
from apps.opie.agentos.conversation_file import too_large
from apps.opie.agentos.conversation_import import import_sent
from apps.opie.agentos.conversations_api import HourlyThrottle
from apps.opie.agentos.metrics_api import TIMES
from apps.opie.agentos.narrowing import chosen, narrowed
from apps.opie.limits.hourly import admit_request
from apps.opie.models import AgentOSSession

# Characters that are sent at once.
PIECE = 64 * 1024
# What multipart/form-data takes beside the file.
AROUND_A_FILE = 4096
_FORMAT = OpenApiParameter("format", OpenApiTypes.STR, enum=sorted(FORMATS), default="json")
_FILTERS = [
    _FORMAT,
    OpenApiParameter("id", OpenApiTypes.UUID, many=True, description="Only these, each of them of one's own."),
    OpenApiParameter("search", OpenApiTypes.STR),
    OpenApiParameter("agent_id", OpenApiTypes.STR),
    OpenApiParameter("is_archived", OpenApiTypes.BOOL),
    OpenApiParameter("is_empty", OpenApiTypes.BOOL),
    *TIMES,
]
_FILE = OpenApiResponse(OpenApiTypes.BINARY, description="A file: application/json, text/csv or text/markdown.")


class _ExportView(PrincipalView):
    """Streamed: no conversation is read before the one before it has left."""

    required = Permission.VIEW_AGENTS

    async def throttle(self, request: HttpRequest) -> None:  # noqa: ARG002
        await rows.run(admit_request, self.principal)


class ConversationsExportView(_ExportView):
    """One's own conversations as a file: all, those that the filters of the list leave, or those that `id` names."""

    @extend_schema(parameters=_FILTERS, responses={200: _FILE}, operation_id="conversations_export")
    async def get(self, request: HttpRequest) -> HttpResponseBase:
        kind = _format_of(request.GET)
        pieces = await rows.run(_pieces_asked_for, self.principal, request.GET, kind)
        return _as_file(pieces, kind, "conversations")


class ConversationExportView(_ExportView):
    """One conversation as a file."""

    @extend_schema(parameters=[_FORMAT], responses={200: _FILE}, operation_id="conversation_export")
    async def get(self, request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
        kind = _format_of(request.GET)
        pieces, title = await rows.run(_pieces_of_one, self.principal, conversation_id, kind)
        return _as_file(pieces, kind, slugify(title)[:60] or "conversation")


class ConversationsImportView(APIView):
    """Bring an export in JSON in, as one's own: the body, or `file` of multipart/form-data. What is there already is
    left as it is."""

    permission_classes = [requires(Permission.RUN_AGENTS)]
    throttle_classes = [HourlyThrottle]
    parser_classes: Sequence[type[BaseParser]] = [MultiPartParser]

    @extend_schema(
        request={
            "application/json": OpenApiTypes.OBJECT,
            "multipart/form-data": inline_serializer("ConversationsFile", {"file": serializers.FileField()}),
        },
        responses={200: OpenApiTypes.OBJECT},
        operation_id="conversations_import",
    )
    def post(self, request: Request) -> Response:
        return Response(import_sent(principal_of(request), _sent(request)).as_json())


def _format_of(asked: QueryDict) -> Format:
    try:
        return FORMATS[asked.get("format", "json")]
    except KeyError:
        raise InvalidInput(fields={"format": [f"Choose one of {', '.join(sorted(FORMATS))}."]}) from None


def _pieces_asked_for(principal: Principal, asked: QueryDict, kind: Format) -> Iterator[str]:
    sessions = chosen(narrowed(AgentOSSession.objects.visible_to(principal), asked), asked)
    return kind.write(in_turn(sessions.order_by("created_at", "id")))


def _pieces_of_one(principal: Principal, conversation_id: UUID, kind: Format) -> tuple[Iterator[str], str]:
    found = AgentOSSession.objects.visible_to(principal).filter(pk=conversation_id)
    session = found.first()
    if session is None:
        raise NotFound("There is no such session.", code="session_not_found")
    return kind.write(in_turn(found)), session.title


def _as_file(pieces: Iterator[str], kind: Format, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(_streamed(pieces), content_type=kind.content_type)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.{kind.extension}")
    answer["Cache-Control"] = "no-store"
    return answer


async def _streamed(pieces: Iterator[str]) -> AsyncIterator[bytes]:
    while text := await rows.run(_next_of, pieces):
        yield text.encode()


def _next_of(pieces: Iterator[str]) -> str:
    """As many pieces as fill one; nothing at the end."""
    text: list[str] = []
    size = 0
    for piece in pieces:
        text.append(piece)
        size += len(piece)
        if size >= PIECE:
            break
    return "".join(text)


def _sent(request: Request) -> bytes:
    """The file's bytes. What says that it is too large is not taken in at all."""
    largest: int = settings.OPIE_CONVERSATIONS_LARGEST_FILE
    claimed = request.META.get("CONTENT_LENGTH") or "0"
    if claimed.isdecimal() and int(claimed) > largest + AROUND_A_FILE:
        raise TooLarge(too_large(largest))
    if (request.content_type or "").partition(";")[0].strip() == "application/json":
        # Not by DRF's parsers: they take a body without Content-Length for none.
        return read_at_most(request._request, largest)  # type: ignore[arg-type]
    file: Any = request.FILES.get("file")
    if file is None:
        raise InvalidInput(fields={"file": ["Send the export, as file of multipart/form-data or as the JSON itself."]})
    return read_at_most(file, largest)
