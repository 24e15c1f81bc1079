"""/api/v1/knowledge/bases/{id}/documents/ and …/sources/: what is in a base, and where it comes from."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import Permission, requires
from apps.api.errors import InvalidInput
from apps.api.parsers import StrictJSONParser, parse_json, read_at_most
from apps.api.serializers import StrictSerializer
from apps.opie.knowledge import documents, passages, sources
from apps.opie.knowledge.bases import managed_base, visible_base
from apps.opie.knowledge.documents import LONGEST_TEXT, About
from apps.opie.models import KnowledgeBase, KnowledgeDocument, KnowledgeSource
from apps.opie.models.knowledge import SourceKind, SyncEvery

# Letters take up to four bytes, and JSON may escape each.
LARGEST_TEXT_BODY = 8 * LONGEST_TEXT


class LargeJSONParser(StrictJSONParser):
    """JSON with a text in it."""

    def parse(self, stream: Any, *_: object, **__: object) -> Any:
        return parse_json(read_at_most(stream, LARGEST_TEXT_BODY))


class AboutDocument(StrictSerializer):
    title = serializers.CharField(max_length=300, required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=64), max_length=20, required=False)
    dated = serializers.DateField(required=False, allow_null=True)


class DocumentToAdd(AboutDocument):
    """One of `file` (multipart), `text` or `url`."""

    file = serializers.FileField(required=False, allow_empty_file=True, max_length=1000)
    text = serializers.CharField(required=False, max_length=LONGEST_TEXT, trim_whitespace=False)
    url = serializers.URLField(required=False, max_length=2000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(name in attrs for name in ("file", "text", "url")) != 1:
            raise serializers.ValidationError("Send one of file, text and url.")
        return attrs


class SourceBody(StrictSerializer):
    """A page or sitemap to follow."""

    url = serializers.URLField(max_length=2000)
    kind = serializers.ChoiceField(choices=SourceKind.choices, required=False)
    every = serializers.ChoiceField(choices=SyncEvery.choices, required=False)
    most_pages = serializers.IntegerField(min_value=1, max_value=sources.MOST_PAGES, required=False)


class SourceChange(SourceBody):
    """What of it may be changed."""

    url = kind = None  # type: ignore[assignment]


def document_as_json(document: KnowledgeDocument) -> dict[str, Any]:
    return {
        "id": str(document.pk),
        "base_id": str(document.base_id),
        "source_id": str(document.source_id) if document.source_id else None,
        "kind": document.kind,
        "title": document.title,
        "file_name": document.file_name,
        "media_type": document.media_type,
        "size": document.size,
        "url": document.url,
        "tags": document.tags,
        "dated": document.dated.isoformat() if document.dated else None,
        "status": document.status,
        "reason": document.reason,
        "reason_code": document.reason_code,
        "progress": {"done": document.parts_done, "total": document.parts_total},
        "chunks": document.chunk_count,
        "characters": document.character_count,
        "version": document.version,
        "created_at": document.created_at.isoformat(),
        "updated_at": document.updated_at.isoformat(),
        "ready_at": document.ready_at.isoformat() if document.ready_at else None,
    }


def source_as_json(source: KnowledgeSource) -> dict[str, Any]:
    return {
        "id": str(source.pk),
        "kind": source.kind,
        "url": source.url,
        "every": source.every,
        "most_pages": source.most_pages,
        "problem": source.problem,
        "next_at": source.next_at.isoformat() if source.next_at else None,
        "last_at": source.last_at.isoformat() if source.last_at else None,
    }


class DocumentsView(generics.ListAPIView[KnowledgeDocument]):
    """The documents of a base: ?search=, ?status=, ?tag=, ?ordering=; handing one in."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE, to_read=Permission.VIEW_AGENTS)]
    parser_classes: Sequence[type[BaseParser]] = [MultiPartParser, LargeJSONParser]
    queryset = KnowledgeDocument.objects.none()
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["title", "file_name", "url"]
    ordering_fields = ["title", "created_at", "updated_at", "size"]
    ordering = ["-pk"]

    def get_queryset(self) -> QuerySet[KnowledgeDocument]:
        asked = self.request.query_params
        found = KnowledgeDocument.objects.filter(base=self._base())
        if wanted := asked.get("status"):
            found = found.filter(status=wanted)
        if tag := asked.get("tag"):
            found = found.filter(tags__contains=[tag.strip().lower()])
        return found

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="knowledge_documents_list")
    def get(self, request: Request, base_id: UUID) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([document_as_json(document) for document in page])

    @extend_schema(request=DocumentToAdd, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, base_id: UUID) -> Response:
        principal = principal_of(request)
        base = managed_base(principal, base_id)
        body = DocumentToAdd(data=request.data)
        body.is_valid(raise_exception=True)
        sent = body.validated_data
        about = About(sent.get("title", ""), sent.get("tags", []), sent.get("dated"))
        if "file" in sent:
            added = documents.add_file(principal, base, sent["file"], about)
        elif "text" in sent:
            added = documents.add_text(principal, base, sent["text"], about)
        else:
            added = documents.add_page(principal, base, sent["url"], about)
        return Response(document_as_json(added), status=status.HTTP_202_ACCEPTED)

    def _base(self) -> KnowledgeBase:
        return visible_base(principal_of(self.request), self.kwargs["base_id"])


class DocumentView(APIView):
    """One document: how far it is, changing what is said of it, another edition, deleting it."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE, to_read=Permission.VIEW_AGENTS)]
    parser_classes: Sequence[type[BaseParser]] = [MultiPartParser, StrictJSONParser]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, base_id: UUID, document_id: UUID) -> Response:
        return Response(document_as_json(self._document(request, base_id, document_id)))

    @extend_schema(request=AboutDocument, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, base_id: UUID, document_id: UUID) -> Response:
        document = self._document(request, base_id, document_id)
        body = AboutDocument(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changed = documents.change_document(principal_of(request), document, body.validated_data)
        return Response(document_as_json(changed))

    @extend_schema(request=DocumentToAdd, responses={202: OpenApiTypes.OBJECT})
    def put(self, request: Request, base_id: UUID, document_id: UUID) -> Response:
        """Another edition of its file. The old one is found until the new one is ready."""
        managed_base(principal_of(request), base_id)
        document = self._document(request, base_id, document_id)
        if "file" not in request.FILES:
            raise InvalidInput(fields={"file": ["Send the new file, as multipart/form-data."]})
        replaced = documents.replace_file(principal_of(request), document, request.FILES["file"])
        return Response(document_as_json(replaced), status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, base_id: UUID, document_id: UUID) -> Response:
        documents.delete_document(principal_of(request), self._document(request, base_id, document_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _document(self, request: Request, base_id: UUID, document_id: UUID) -> KnowledgeDocument:
        return documents.visible_document(principal_of(request), base_id, document_id)


class DocumentReadView(APIView):
    """Have a document read again, or a page fetched again."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE)]

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, base_id: UUID, document_id: UUID) -> Response:
        principal = principal_of(request)
        document = documents.visible_document(principal, base_id, document_id)
        queued = documents.read_again(principal, document)
        return Response(document_as_json(queued), status=status.HTTP_202_ACCEPTED)


class DocumentChunksView(generics.ListAPIView[Any]):
    """The chunks of a document, in order."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]
    queryset = KnowledgeDocument.objects.none()

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="knowledge_chunks_list")
    def get(self, request: Request, base_id: UUID, document_id: UUID) -> Response:
        document = documents.visible_document(principal_of(request), base_id, document_id)
        page = self.paginator.paginate_queryset(passages.chunks_of(document), request, view=self) or []  # type: ignore[union-attr]
        return self.get_paginated_response([passages.chunk_as_json(chunk) for chunk in page])


class SourcesView(generics.ListAPIView[KnowledgeSource]):
    """The pages and sitemaps that a base follows; following another."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE, to_read=Permission.VIEW_AGENTS)]
    queryset = KnowledgeSource.objects.none()

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="knowledge_sources_list")
    def get(self, request: Request, base_id: UUID) -> Response:
        base = visible_base(principal_of(request), base_id)
        page = self.paginate_queryset(base.sources.order_by("-id")) or []
        return self.get_paginated_response([source_as_json(source) for source in page])

    @extend_schema(request=SourceBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, base_id: UUID) -> Response:
        principal = principal_of(request)
        base = managed_base(principal, base_id)
        body = SourceBody(data=request.data)
        body.is_valid(raise_exception=True)
        added = sources.add_source(principal, base, body.validated_data)
        return Response(source_as_json(added), status=status.HTTP_201_CREATED)


class SourceView(APIView):
    """One source."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, base_id: UUID, source_id: UUID) -> Response:
        return Response(source_as_json(self._source(request, base_id, source_id)))

    @extend_schema(request=SourceChange, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, base_id: UUID, source_id: UUID) -> Response:
        source = self._source(request, base_id, source_id)
        body = SourceChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        return Response(source_as_json(sources.change_source(principal_of(request), source, body.validated_data)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, base_id: UUID, source_id: UUID) -> Response:
        sources.delete_source(principal_of(request), self._source(request, base_id, source_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _source(self, request: Request, base_id: UUID, source_id: UUID) -> KnowledgeSource:
        principal = principal_of(request)
        return sources.visible_source(visible_base(principal, base_id), source_id)


class SourceSyncView(APIView):
    """Look at a source now."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE)]

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, base_id: UUID, source_id: UUID) -> Response:
        principal = principal_of(request)
        source = sources.visible_source(visible_base(principal, base_id), source_id)
        sources.sync_now(principal, source)
        return Response(source_as_json(source), status=status.HTTP_202_ACCEPTED)
