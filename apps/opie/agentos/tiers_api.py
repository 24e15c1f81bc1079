"""/api/v1/model-tiers/: which models each tier stands for."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import Permission, requires
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.agents_api import ModelOfAgent, distinct_models
from apps.opie.agentos.tier_rows import set_tier, tier_shown, tiers_shown
from apps.opie.models.tiers import Tier

MOST_MODELS = 8


class TierBody(StrictSerializer):
    """The models of a tier, best first; none: back to those that come with Opie. `for_installation` is for superusers."""

    models = serializers.ListField(child=ModelOfAgent(), max_length=MOST_MODELS)
    for_installation = serializers.BooleanField(required=False, default=False)

    def validate_models(self, models: list[dict[str, str]]) -> list[dict[str, str]]:
        return distinct_models(models)


class ModelOfTier(serializers.Serializer[Any]):
    platform = serializers.CharField()
    model = serializers.CharField()
    not_offered_since = serializers.DateTimeField(
        allow_null=True, help_text="Since when the platform does not list it any more."
    )


class DefaultOfTier(serializers.Serializer[Any]):
    api_type = serializers.CharField()
    model = serializers.CharField()


class TierRow(serializers.Serializer[Any]):
    """A tier as it is for the team. `default` is what comes with Opie."""

    tier = serializers.ChoiceField(choices=Tier.choices)
    source = serializers.ChoiceField(choices=["table", "installation", "team"])  # type: ignore[assignment]  # declared fields are no attributes
    models = ModelOfTier(many=True)
    default = DefaultOfTier()


class ModelTiersView(APIView):
    """What every tier stands for."""

    permission_classes = [requires(Permission.MANAGE_PLATFORMS, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: TierRow(many=True)}, operation_id="model_tiers_list")
    def get(self, request: Request) -> Response:
        found = tiers_shown(principal_of(request))
        return Response({"count": len(found), "next": None, "previous": None, "results": found})


class ModelTierView(APIView):
    """One tier."""

    permission_classes = [requires(Permission.MANAGE_PLATFORMS, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: TierRow})
    def get(self, request: Request, tier: str) -> Response:
        return Response(tier_shown(principal_of(request), tier))

    @extend_schema(request=TierBody, responses={200: TierRow})
    def put(self, request: Request, tier: str) -> Response:
        tier_shown(principal_of(request), tier)  # a tier that is none is not found, whatever the body says
        body = TierBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        return Response(
            set_tier(principal_of(request), tier, said["models"], for_installation=said["for_installation"])
        )
