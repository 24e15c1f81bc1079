"""/api/v1/system/ and /api/v1/system-info/: how the installation is doing, and its local models."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import IsOperator, Permission, requires
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.agentos.system_rows import configure_model, info_shown, model_shown, models_shown, status_shown
from apps.opie.models import LLMModel
from apps.opie.models.llm_models import CheckState, LLMProvider
from apps.opie.providers.checking import check


class ModelToConfigure(StrictSerializer):
    """The body: what to switch, and at least one of the rest. `parameters` stand in place of those that were there."""

    model_id = serializers.UUIDField()
    active = serializers.BooleanField(required=False)
    parameters = serializers.DictField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not {"active", "parameters"} & attrs.keys():
            raise serializers.ValidationError({"active": ["Send active, parameters, or both."]})
        return attrs


class CheckOfModel(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=CheckState.choices)
    message = serializers.CharField(help_text="What to do about it.")
    checked_at = serializers.DateTimeField()


class ModelRow(serializers.Serializer[Any]):
    """A local model, for the API's description: `model_shown` makes it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    provider = serializers.ChoiceField(choices=LLMProvider.choices)
    platform = serializers.CharField()
    belongs_to = serializers.ChoiceField(choices=["team", "installation"])
    active = serializers.BooleanField()
    position = serializers.IntegerField()
    parameters = serializers.DictField()
    may_configure = serializers.BooleanField()
    check = CheckOfModel(allow_null=True)
    base_url = serializers.CharField(required=False, help_text="For superusers.")
    model_path = serializers.CharField(required=False, help_text="For superusers.")


class SystemStatusView(APIView):
    """Which parts answer, versions, counts (of the team; of the installation for superusers), and the figures of the last
    hour."""

    permission_classes = [IsOperator | requires(Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="system_status")
    def get(self, request: Request) -> Response:
        return Response(status_shown(principal_of(request)))


class SystemInfoView(APIView):
    """What runs here, with counts of the team; those of the installation and how it is configured, without secrets, are for
    superusers."""

    permission_classes = [IsOperator | requires(Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="system_info")
    def get(self, request: Request) -> Response:
        return Response(info_shown(principal_of(request)))


class SystemModelsView(APIView):
    """Local models with the state of their last check, and the models in use of every platform."""

    permission_classes = [IsOperator | requires(Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="system_models")
    def get(self, request: Request) -> Response:
        return Response(models_shown(principal_of(request)))


class ConfigureModelView(PrincipalView):
    """Switch a local model on or off; one that is on is looked for on its server before the answer."""

    required = Permission.MANAGE_PLATFORMS

    def authorise(self) -> None:
        """A superuser in person needs no team: the installation's models are theirs to switch."""
        if not self.principal.is_operator:
            super().authorise()

    @extend_schema(request=ModelToConfigure, responses={200: ModelRow}, operation_id="system_models_configure")
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        body = self.read_body(request, ModelToConfigure)
        row = await rows.run(configure_model, self.principal, body.pop("model_id"), body)
        if row.is_active:
            await check(row)
        return JsonResponse(await rows.run(self._shown, row))

    def _shown(self, row: LLMModel) -> dict[str, Any]:
        found = LLMModel.objects.select_related("platform", "check_result").filter(pk=row.pk).first()
        return model_shown(self.principal, found or row)
