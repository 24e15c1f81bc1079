"""/api/v1/agents/: agents as rows, made and changed by those who may."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.models import PEOPLES_ROLES
from apps.accounts.permissions import Permission, requires
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.agent_rows import change_agent, create_agent, delete_agent, visible_agent
from apps.opie.models import Agent
from apps.opie.models.agents import HIGHEST_PRIORITY, AgentStatus, AgentVisibility
from apps.opie.models.approval_rules import (
    LATEST_EXPIRY,
    SOONEST_EXPIRY,
    ApprovalBy,
    read_rules,
)
from apps.opie.models.output_schemas import UnusableSchema, checked_schema
from apps.opie.models.tiers import AGENT_TIERS

MOST_TOKENS = 1_000_000


class ModelOfAgent(StrictSerializer):
    platform = serializers.SlugField(max_length=64)
    model = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


def distinct_models(models: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same with every model named. Raises ValidationError for one that stands there twice."""
    models = [{"platform": entry["platform"], "model": entry.get("model", "")} for entry in models]
    if len({(entry["platform"], entry["model"]) for entry in models}) < len(models):
        raise serializers.ValidationError("The same platform and model stand here twice.")
    return models


class RuleOfTool(StrictSerializer):
    """When calls of a tool wait for a yes; what is left out: the person's own, for all roles, within a day."""

    by = serializers.ChoiceField(choices=ApprovalBy.choices, required=False)
    roles = serializers.ListField(
        child=serializers.ChoiceField(choices=PEOPLES_ROLES), max_length=len(PEOPLES_ROLES), required=False
    )
    expires_in = serializers.IntegerField(min_value=SOONEST_EXPIRY, max_value=LATEST_EXPIRY, required=False)


class AgentDefinition(StrictSerializer):
    """The body of an agent."""

    agent_id = serializers.SlugField(max_length=64)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choices=["task", "conversational"], required=False)
    system_prompt = serializers.CharField(max_length=100_000, required=False, allow_blank=True)
    capabilities = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z][A-Z0-9_]*$", max_length=64), max_length=32, required=False
    )
    models = ModelOfAgent(many=True, required=False)
    tier = serializers.ChoiceField(choices=AGENT_TIERS, required=False, allow_blank=True)
    temperature = serializers.DecimalField(
        max_digits=3, decimal_places=2, min_value=0, max_value=2, required=False, allow_null=True
    )
    max_tokens = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, required=False, allow_null=True)
    history_length = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    history_tokens = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)
    summarize_history = serializers.BooleanField(required=False)
    tools = serializers.ListField(child=serializers.CharField(max_length=64), max_length=64, required=False)
    approvals = serializers.DictField(child=RuleOfTool(), required=False)
    output_schema = serializers.JSONField(required=False, allow_null=True)
    priority = serializers.IntegerField(min_value=0, max_value=HIGHEST_PRIORITY, required=False)
    starters = serializers.ListField(child=serializers.CharField(max_length=200), max_length=8, required=False)
    knowledge_bases = serializers.ListField(child=serializers.UUIDField(), max_length=20, required=False)
    memory = serializers.BooleanField(required=False)
    local_only = serializers.BooleanField(required=False)
    visibility = serializers.ChoiceField(choices=AgentVisibility.choices, required=False)
    status = serializers.ChoiceField(choices=AgentStatus.choices, required=False)

    def validate_approvals(self, approvals: dict[str, Any]) -> dict[str, Any]:
        return {name: rule.as_json() for name, rule in read_rules(approvals).items()}

    def validate_output_schema(self, value: Any) -> dict[str, Any] | None:
        try:
            return None if value is None else checked_schema(value)
        except UnusableSchema as error:
            raise serializers.ValidationError(str(error)) from None

    def validate_models(self, models: list[dict[str, str]]) -> list[dict[str, str]]:
        # In a partial change DRF takes the parts of a part as optional too: a model of an agent is whole.
        missing = {
            str(place): {"platform": ["This field is required."]}
            for place, m in enumerate(models)
            if "platform" not in m
        }
        if missing:
            raise serializers.ValidationError(missing)
        return distinct_models(models)


class AgentChange(AgentDefinition):
    """The same, any part of it; an agent keeps its id."""

    agent_id = None  # type: ignore[assignment]


def as_json(agent: Agent) -> dict[str, Any]:
    return agent.definition() | {
        "version": agent.version,
        "created_at": agent.created_at.isoformat(),
        "updated_at": agent.updated_at.isoformat(),
    }


class AgentRow(AgentDefinition):
    """An agent as it is answered."""

    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, instance: Agent) -> dict[str, Any]:
        return as_json(instance)


class AgentsView(generics.ListAPIView[Agent]):
    """The agents a person can see, drafts of their own included; making one."""

    permission_classes = [requires(Permission.MANAGE_AGENTS, to_read=Permission.VIEW_AGENTS)]
    serializer_class = AgentRow
    queryset = Agent.objects.none()

    def get_queryset(self) -> QuerySet[Agent]:
        words = self.request.query_params.get("search", "")
        return (
            Agent.objects.visible_to(principal_of(self.request))
            .with_parts(principal_of(self.request))
            .containing(words)
            .order_by("name", "agent_id")
        )

    @extend_schema(request=AgentDefinition, responses={201: AgentRow})
    def post(self, request: Request) -> Response:
        body = AgentDefinition(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(
            as_json(create_agent(principal_of(request), body.validated_data)), status=status.HTTP_201_CREATED
        )


class AgentView(APIView):
    """One agent."""

    permission_classes = [requires(Permission.MANAGE_AGENTS, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: AgentRow})
    def get(self, request: Request, agent_id: str) -> Response:
        return Response(as_json(visible_agent(principal_of(request), agent_id)))

    @extend_schema(request=AgentChange, responses={200: AgentRow})
    def patch(self, request: Request, agent_id: str) -> Response:
        agent = visible_agent(principal_of(request), agent_id)
        body = AgentChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        return Response(as_json(change_agent(principal_of(request), agent, body.validated_data)))

    @extend_schema(request=AgentChange, responses={200: AgentRow})
    def put(self, request: Request, agent_id: str) -> Response:
        return self.patch(request, agent_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, agent_id: str) -> Response:
        delete_agent(principal_of(request), visible_agent(principal_of(request), agent_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
