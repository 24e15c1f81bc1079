"""/api/v1/prices/: prices that a team sets over the published ones, and pricing past calls anew."""

from decimal import Decimal
from typing import Any

from django.db import transaction
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
from apps.api.errors import InvalidInput
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.budgets_api import money
from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.ledger.rerating import rerate
from apps.opie.models import ModelPrice


def _price_field(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=16, decimal_places=8, min_value=Decimal(0), **options)


class PriceBody(StrictSerializer):
    """Money for a million tokens; `cached` and `cache_write` are billed as plain input when they are left out."""

    platform_name = serializers.SlugField(max_length=64)
    model = serializers.CharField(max_length=200)
    input = _price_field()
    output = _price_field()
    cached = _price_field(required=False, allow_null=True)
    cache_write = _price_field(required=False, allow_null=True)
    valid_from = serializers.DateTimeField(required=False)


class ReratingBody(StrictSerializer):
    """The calls to price anew: of [since, until), of one platform and model where they are given."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    platform_name = serializers.SlugField(max_length=64, required=False, allow_blank=True)
    model = serializers.CharField(max_length=200, required=False, allow_blank=True)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)
    dry_run = serializers.BooleanField(required=False)


class PricesView(generics.ListAPIView[ModelPrice]):
    """Prices set over the published ones, those no longer in force included; setting one."""

    permission_classes = [requires(Permission.MANAGE_PLATFORMS, to_read=Permission.VIEW_AGENTS)]
    queryset = ModelPrice.objects.none()
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["platform_name", "model"]
    ordering_fields = ["platform_name", "model", "valid_from"]
    ordering = ["platform_name", "model", "-valid_from", "-pk"]

    def get_queryset(self) -> QuerySet[ModelPrice]:
        return ModelPrice.objects.visible_to(principal_of(self.request))

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="prices_list")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([price_as_json(price) for price in page])

    @extend_schema(request=PriceBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        body = PriceBody(data=request.data)
        body.is_valid(raise_exception=True)
        principal = principal_of(request)
        with transaction.atomic():
            price = set_price(principal, NewPrice(**body.validated_data))
            record(principal, "price.set", price, after=price_as_json(price))
        return Response(price_as_json(price), status=status.HTTP_201_CREATED)


class RerateView(APIView):
    """Price the calls of a period anew, as entries beside the old ones."""

    permission_classes = [requires(Permission.MANAGE_PLATFORMS)]

    @extend_schema(request=ReratingBody, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        body = ReratingBody(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["until"] <= body.validated_data["since"]:
            raise InvalidInput(fields={"until": ["Choose a moment after `since`."]})
        found = rerate(principal_of(request), **body.validated_data)
        answer = {
            "batch": str(found.batch),
            "calls": found.calls,
            "corrected": found.corrected,
            "difference": money(found.difference),
        }
        return Response(answer)


def price_as_json(price: ModelPrice) -> dict[str, Any]:
    kinds = {
        "input": price.input_per_million,
        "output": price.output_per_million,
        "cached": price.cached_per_million,
        "cache_write": price.cache_write_per_million,
    }
    return {
        "id": str(price.pk),
        "platform_name": price.platform_name,
        "model": price.model,
        **{kind: None if amount is None else money(amount) for kind, amount in kinds.items()},
        "currency": price.currency,
        "valid_from": price.valid_from.isoformat(),
        "superseded_at": price.superseded_at.isoformat() if price.superseded_at else None,
        "belongs_to": "team" if price.team_id else "installation",
    }
