"""/api/v1/platforms/: what the team can call, and a way to try it."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission, requires
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.agentos.platform_rows import (
    change_platform,
    create_platform,
    delete_platform,
    require_may_manage,
    shown,
    visible_platform,
)
from apps.opie.models import AIPlatform
from apps.opie.models.platforms import ApiType
from apps.opie.providers.listing import not_offered
from apps.opie.providers.trial import try_platform

LONGEST_TIMEOUT = 600
MOST_TOKENS = 1_000_000


class PlatformBody(StrictSerializer):
    """The body of a platform. `api_key` is written and never read."""

    platform_name = serializers.SlugField(max_length=64)
    api_type = serializers.ChoiceField(choices=ApiType.choices)
    base_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    api_key = serializers.CharField(max_length=1000, required=False, allow_blank=True, write_only=True)
    default_model = serializers.CharField(max_length=200)
    timeout = serializers.IntegerField(min_value=1, max_value=LONGEST_TIMEOUT, required=False)
    max_tokens = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, required=False)
    supports_vision = serializers.BooleanField(required=False)
    supports_json_mode = serializers.BooleanField(required=False)
    supports_image_generation = serializers.BooleanField(required=False)
    is_enabled = serializers.BooleanField(required=False)
    priority = serializers.IntegerField(min_value=0, max_value=30_000, required=False)
    requests_per_minute = serializers.IntegerField(min_value=1, max_value=10**9, required=False, allow_null=True)
    tokens_per_minute = serializers.IntegerField(min_value=1, max_value=10**9, required=False, allow_null=True)


class PlatformChange(PlatformBody):
    platform_name = None  # type: ignore[assignment]


class PlatformRow(PlatformBody):
    """A platform as it is answered."""

    id = serializers.UUIDField(read_only=True)
    has_key = serializers.BooleanField(read_only=True)
    is_local = serializers.BooleanField(read_only=True)
    belongs_to = serializers.ChoiceField(choices=["team", "installation"], read_only=True)
    not_offered = serializers.DictField(
        child=serializers.DateTimeField(),
        read_only=True,
        help_text="Models that are configured and that the platform does not list any more, and since when.",
    )

    def to_representation(self, instance: AIPlatform) -> dict[str, Any]:
        return answered([instance])[0]


def answered(platforms: list[AIPlatform]) -> list[dict[str, Any]]:
    """Platforms as they may be seen, with what they do not offer any more."""
    gone = not_offered(platforms)
    return [
        shown(one) | {"not_offered": {model: since.isoformat() for model, since in gone[one.pk].items()}}
        for one in platforms
    ]


class PlatformsView(generics.ListAPIView[AIPlatform]):
    """The platforms a person's agents can use; adding one to the team."""

    permission_classes = [requires(Permission.MANAGE_PLATFORMS, to_read=Permission.VIEW_AGENTS)]
    serializer_class = PlatformRow
    queryset = AIPlatform.objects.none()

    def get_queryset(self) -> QuerySet[AIPlatform]:
        words = self.request.query_params.get("search", "")
        return AIPlatform.objects.visible_to(principal_of(self.request)).filter(platform_name__icontains=words)

    @extend_schema(responses={200: PlatformRow(many=True)}, operation_id="platforms_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(answered(list(page)))

    @extend_schema(request=PlatformBody, responses={201: PlatformRow})
    def post(self, request: Request) -> Response:
        body = PlatformBody(data=request.data)
        body.is_valid(raise_exception=True)
        made = create_platform(principal_of(request), body.validated_data)
        return Response(answered([made])[0], status=status.HTTP_201_CREATED)


class PlatformView(APIView):
    """One platform."""

    permission_classes = [requires(Permission.MANAGE_PLATFORMS, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: PlatformRow})
    def get(self, request: Request, platform_id: UUID) -> Response:
        return Response(answered([visible_platform(principal_of(request), platform_id)])[0])

    @extend_schema(request=PlatformChange, responses={200: PlatformRow})
    def patch(self, request: Request, platform_id: UUID) -> Response:
        principal = principal_of(request)
        platform = visible_platform(principal, platform_id)
        body = PlatformChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        return Response(answered([change_platform(principal, platform, body.validated_data)])[0])

    @extend_schema(responses={204: None})
    def delete(self, request: Request, platform_id: UUID) -> Response:
        principal = principal_of(request)
        delete_platform(principal, visible_platform(principal, platform_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PlatformTestView(PrincipalView):
    """Ask a platform one real question; what it answered, how fast, what it cost. The call is in the ledger."""

    required = Permission.MANAGE_PLATFORMS

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT}, operation_id="platform_test")
    async def post(self, request: HttpRequest, platform_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        platform = await rows.run(self._platform, platform_id)
        return JsonResponse(await try_platform(self.principal, platform))

    def _platform(self, platform_id: UUID) -> AIPlatform:
        platform = visible_platform(self.principal, platform_id)
        require_may_manage(self.principal, platform)
        return platform
