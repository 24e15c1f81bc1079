"""/api/v1/limits/: how much in a minute and how many at once, for the team and those in it."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.audit import record
from apps.accounts.permissions import Permission, requires
from apps.api.errors import Conflict, InvalidInput, NotFound
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.budgets_api import check_subject
from apps.opie.models import AIPlatform, Limit

COUNTED_TOGETHER = "Answers at once are counted for all platforms together."
LIMITS = ("requests_per_minute", "tokens_per_minute", "parallel_runs")


class LimitChange(StrictSerializer):
    """What can be changed of a limit."""

    requests_per_minute = serializers.IntegerField(min_value=1, max_value=10**9, required=False, allow_null=True)
    tokens_per_minute = serializers.IntegerField(min_value=1, max_value=10**9, required=False, allow_null=True)
    parallel_runs = serializers.IntegerField(min_value=1, max_value=10**6, required=False, allow_null=True)
    is_enabled = serializers.BooleanField(required=False)


class LimitBody(LimitChange):
    """A limit of the whole team, narrowed by what is set; `each_user` counts everyone in it apart."""

    user_id = serializers.UUIDField(required=False, allow_null=True)
    api_key_id = serializers.UUIDField(required=False, allow_null=True)
    platform = serializers.SlugField(max_length=64, required=False, allow_blank=True)
    model = serializers.CharField(max_length=200, required=False, allow_blank=True)
    each_user = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("user_id") and attrs.get("api_key_id"):
            raise serializers.ValidationError({"api_key_id": ["A limit is for a person or for a key, not for both."]})
        if not any(attrs.get(name) for name in LIMITS):
            raise serializers.ValidationError({LIMITS[0]: [f"Set at least one of {', '.join(LIMITS)}."]})
        if attrs.get("parallel_runs") and (attrs.get("platform") or attrs.get("model")):
            raise serializers.ValidationError({"parallel_runs": [COUNTED_TOGETHER]})
        return attrs


def limit_as_json(limit: Limit) -> dict[str, Any]:
    return {
        "id": str(limit.pk),
        "user_id": str(limit.user_id) if limit.user_id else None,
        "api_key_id": str(limit.api_key_id) if limit.api_key_id else None,
        "platform": limit.platform.platform_name if limit.platform else None,
        "model": limit.model,
        "each_user": limit.each_user,
        **{name: getattr(limit, name) for name in LIMITS},
        "is_enabled": limit.is_enabled,
    }


class LimitsView(generics.ListAPIView[Limit]):
    """The team's limits; making one."""

    permission_classes = [requires(Permission.MANAGE_BUDGETS, to_read=Permission.VIEW_AGENTS)]
    queryset = Limit.objects.none()
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["user__email", "api_key__prefix", "platform__platform_name", "model"]
    ordering_fields = ["created_at", "model", *LIMITS]
    ordering = ["pk"]

    def get_queryset(self) -> QuerySet[Limit]:
        return Limit.objects.visible_to(principal_of(self.request)).select_related("platform")

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="limits_list")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([limit_as_json(limit) for limit in page])

    @extend_schema(request=LimitBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        principal = principal_of(request)
        body = LimitBody(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = dict(body.validated_data)
        check_subject(principal, wanted)
        name = wanted.pop("platform", "")
        platform = AIPlatform.objects.visible_to(principal).filter(platform_name=name).first() if name else None
        if name and platform is None:
            raise InvalidInput(fields={"platform": ["There is no platform of this name."]})
        try:
            with transaction.atomic():
                limit = Limit.objects.create(team_id=principal.acting_team, platform=platform, **wanted)
                record(principal, "limit.created", limit, after=limit_as_json(limit))
        except IntegrityError as error:
            if "opie_limit_once" in str(error):
                raise Conflict("There is a limit for exactly this. Change that one.", code="limit_exists") from None
            raise
        return Response(limit_as_json(limit), status=status.HTTP_201_CREATED)


class LimitView(APIView):
    """One limit."""

    permission_classes = [requires(Permission.MANAGE_BUDGETS, to_read=Permission.VIEW_AGENTS)]

    def _limit(self, request: Request, limit_id: UUID, *, locked: bool = False) -> Limit:
        limits = Limit.objects.visible_to(principal_of(request)).select_related("platform")
        limit = (limits.select_for_update(of=("self",)) if locked else limits).filter(pk=limit_id).first()
        if limit is None:
            raise NotFound("There is no such limit.", code="limit_not_found")
        return limit

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, limit_id: UUID) -> Response:
        return Response(limit_as_json(self._limit(request, limit_id)))

    @extend_schema(request=LimitChange, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, limit_id: UUID) -> Response:
        body = LimitChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        with transaction.atomic():
            return Response(self._change(request, limit_id, body.validated_data))

    def _change(self, request: Request, limit_id: UUID, changes: dict[str, Any]) -> dict[str, Any]:
        limit = self._limit(request, limit_id, locked=True)
        before = limit_as_json(limit)
        for name, value in changes.items():
            setattr(limit, name, value)
        if not any(getattr(limit, name) for name in LIMITS):
            raise InvalidInput(fields={LIMITS[0]: [f"Set at least one of {', '.join(LIMITS)}, or delete the limit."]})
        if limit.parallel_runs and (limit.platform_id or limit.model):
            raise InvalidInput(fields={"parallel_runs": [COUNTED_TOGETHER]})
        limit.save(update_fields=[*changes, "updated_at"])
        after = limit_as_json(limit)
        record(principal_of(request), "limit.changed", limit, before=before, after=after)
        return after

    @extend_schema(responses={204: None})
    def delete(self, request: Request, limit_id: UUID) -> Response:
        limit = self._limit(request, limit_id)
        with transaction.atomic():
            record(principal_of(request), "limit.deleted", limit, before=limit_as_json(limit))
            limit.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
