"""/api/v1/knowledge/: bases, what is found in them, and the model that embeds them."""

from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission, requires
from apps.accounts.principal import Principal
from apps.api.errors import NotFound
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.knowledge import bases, passages, reembedding
from apps.opie.knowledge.search import Filters, search
from apps.opie.models import KnowledgeBase
from apps.opie.models.knowledge import DocumentStatus, IndexState, KnowledgeVisibility, Language
from apps.opie.providers.embedding import Embedder, embedder_named, embedders_for
from apps.opie.scope import RunScope, current_scope

LONGEST_QUERY = 4000
MOST_RESULTS = 100
MODES = ("hybrid", "vector", "text")


class EmbeddingChoice(StrictSerializer):
    """The model that makes a base's vectors: `local`, or a platform of the team's."""

    platform = serializers.CharField(max_length=64)
    model = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class BaseBody(StrictSerializer):
    """A knowledge base. Private, it is a vault: its owner's alone."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    visibility = serializers.ChoiceField(choices=KnowledgeVisibility.choices, required=False)
    language = serializers.ChoiceField(choices=Language.choices, required=False)


class BaseToMake(BaseBody):
    """The same, with the model that embeds it: the local one unless another is named."""

    embedding = EmbeddingChoice(required=False)


class SearchBody(StrictSerializer):
    query = serializers.CharField(max_length=LONGEST_QUERY)
    limit = serializers.IntegerField(min_value=1, max_value=MOST_RESULTS, required=False, default=10)
    mode = serializers.ChoiceField(choices=MODES, required=False, default="hybrid")
    tags = serializers.ListField(child=serializers.CharField(max_length=64), max_length=20, required=False)
    document_ids = serializers.ListField(child=serializers.UUIDField(), max_length=100, required=False)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


def with_figures(found: QuerySet[KnowledgeBase]) -> QuerySet[KnowledgeBase]:
    """Bases with what they hold: documents, those that failed or wait, chunks, bytes."""
    return found.select_related("live_index", "owner").annotate(
        document_count=Count("documents"),
        unready_count=Count(
            "documents", filter=Q(documents__status__in=[DocumentStatus.PENDING, DocumentStatus.PROCESSING])
        ),
        failed_count=Count("documents", filter=Q(documents__status=DocumentStatus.FAILED)),
        chunk_count=Sum("documents__chunk_count", default=0),
        byte_count=Sum("documents__size", default=0),
    )


def as_json(base: KnowledgeBase, principal: Principal) -> dict[str, Any]:
    """A base with its figures."""
    index = base.live_index
    return {
        "id": str(base.pk),
        "name": base.name,
        "description": base.description,
        "visibility": base.visibility,
        "language": base.language,
        "owner": base.owner.email if base.owner and base.team_id == principal.team_id else None,
        "may_manage": bases.may_manage(principal, base),
        "embedding": {"platform": index.platform_name, "model": index.model, "dimensions": index.dimensions}
        if index
        else None,
        "documents": getattr(base, "document_count", 0),
        "documents_waiting": getattr(base, "unready_count", 0),
        "documents_failed": getattr(base, "failed_count", 0),
        "chunks": getattr(base, "chunk_count", 0),
        "bytes": getattr(base, "byte_count", 0),
        "created_at": base.created_at.isoformat(),
        "updated_at": base.updated_at.isoformat(),
    }


def _shown(principal: Principal, base_id: UUID) -> dict[str, Any]:
    base = with_figures(KnowledgeBase.objects.visible_to(principal)).filter(pk=base_id).first()
    if base is None:
        raise NotFound("There is no such knowledge base.", code="base_not_found")
    return as_json(base, principal)


class BasesView(generics.ListAPIView[KnowledgeBase]):
    """The bases that a person may read: ?search=, ?ordering=; making one."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE, to_read=Permission.VIEW_AGENTS)]
    queryset = KnowledgeBase.objects.none()
    filter_backends = [OrderingFilter]
    ordering_fields = ["name", "created_at", "updated_at"]
    ordering = ["name", "pk"]

    def get_queryset(self) -> QuerySet[KnowledgeBase]:
        words = self.request.query_params.get("search", "")
        return with_figures(KnowledgeBase.objects.visible_to(principal_of(self.request)).containing(words))

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="knowledge_bases_list")
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([as_json(base, principal_of(request)) for base in page])

    @extend_schema(request=BaseToMake, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        body = BaseToMake(data=request.data)
        body.is_valid(raise_exception=True)
        principal, wanted = principal_of(request), dict(body.validated_data)
        choice = wanted.pop("embedding", None)
        embedder = embedder_named(principal.team_id, choice["platform"], choice["model"]) if choice else None
        base = bases.create_base(principal, wanted, embedder)
        return Response(_shown(principal, base.pk), status=status.HTTP_201_CREATED)


class BaseView(APIView):
    """One base: read, change, delete with all that is in it."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="knowledge_base_retrieve")
    def get(self, request: Request, base_id: UUID) -> Response:
        return Response(_shown(principal_of(request), base_id))

    @extend_schema(request=BaseBody, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, base_id: UUID) -> Response:
        principal = principal_of(request)
        base = bases.managed_base(principal, base_id)
        body = BaseBody(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        bases.change_base(principal, base, body.validated_data)
        return Response(_shown(principal, base_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, base_id: UUID) -> Response:
        principal = principal_of(request)
        bases.delete_base(principal, bases.managed_base(principal, base_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class BaseSearchView(PrincipalView):
    """What a base says about a question: the passages that answer it best, with their scores."""

    required = Permission.VIEW_AGENTS

    @extend_schema(request=SearchBody, responses={200: OpenApiTypes.OBJECT}, operation_id="knowledge_search")
    async def post(self, request: HttpRequest, base_id: UUID) -> JsonResponse:
        body = self.read_body(request, SearchBody)
        await rows.run(bases.visible_base, self.principal, base_id)
        token = current_scope.set(RunScope(self.principal, purpose="embedding"))
        try:
            hits = await search(
                self.principal,
                body["query"],
                base_ids=[base_id],
                limit=body["limit"],
                mode=body["mode"],
                filters=_filters_of(body),
            )
        finally:
            current_scope.reset(token)
        return JsonResponse({"results": [hit.as_json() for hit in hits]})


def _filters_of(body: dict[str, Any]) -> Filters:
    return Filters(
        document_ids=body.get("document_ids"),
        tags=tuple(tag.strip().lower() for tag in body.get("tags", ())),
        since=body.get("since"),
        until=body.get("until"),
    )


class PassageView(APIView):
    """One passage as it stands in its document, with what stands around it: what a citation leads to."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="knowledge_passage")
    def get(self, request: Request, chunk_id: UUID) -> Response:
        return Response(passages.passage(principal_of(request), chunk_id).as_json())


class BaseEmbeddingView(APIView):
    """The model that embeds a base: which one, how far another is; changing it while the base is searched."""

    permission_classes = [requires(Permission.MANAGE_KNOWLEDGE, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, base_id: UUID) -> Response:
        principal = principal_of(request)
        base = bases.visible_base(principal, base_id)
        building = base.indexes.filter(state=IndexState.BUILDING).first()
        return Response(
            {
                "live": passages.index_as_json(base.live_index) if base.live_index else None,
                "building": passages.index_as_json(building) if building else None,
                "choices": [_choice(embedder) for embedder in embedders_for(principal.team_id)],
            }
        )

    @extend_schema(request=EmbeddingChoice, responses={202: OpenApiTypes.OBJECT})
    def put(self, request: Request, base_id: UUID) -> Response:
        principal = principal_of(request)
        base = bases.managed_base(principal, base_id)
        body = EmbeddingChoice(data=request.data)
        body.is_valid(raise_exception=True)
        embedder = embedder_named(base.team_id, body.validated_data["platform"], body.validated_data["model"])
        index = reembedding.start(principal, base, embedder)
        return Response({"building": passages.index_as_json(index)}, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, base_id: UUID) -> Response:
        """Give up the one that is being built."""
        principal = principal_of(request)
        reembedding.stop(principal, bases.managed_base(principal, base_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _choice(embedder: Embedder) -> dict[str, Any]:
    return {"platform": embedder.platform_name, "model": embedder.model, "dimensions": embedder.dimensions}
