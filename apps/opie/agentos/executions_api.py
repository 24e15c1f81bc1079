"""/api/v1/agents/{agent_id}/execute/ and /api/v1/executions/: runs as executions, the same rows under other names."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status

from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.agentos.api import EVENT_STREAM
from apps.opie.agentos.runs_api import RunFilter, page_of_runs
from apps.opie.engine import execution_engine, state_manager
from apps.opie.engine import turn as turns
from apps.opie.engine.asking import ATTEMPTS, MOST_ATTEMPTS
from apps.opie.engine.executions.result import AgentResult
from apps.opie.engine.outcome import results_of
from apps.opie.models import AgentOSRun

# A conversation that was had elsewhere may come along.
LARGEST_EXECUTION_BODY = 2 * 1024 * 1024


class ExecutionToRun(StrictSerializer):
    """The body of execute. `input_data` and `context` are what the agent's kind makes of them."""

    input_data = serializers.DictField(allow_empty=False)
    context = serializers.DictField(required=False, default=dict)  # type: ignore[assignment]  # no attribute then
    stream = serializers.BooleanField(required=False, default=False)
    background = serializers.BooleanField(required=False, default=False)
    most_attempts = serializers.IntegerField(min_value=1, max_value=MOST_ATTEMPTS, required=False, default=ATTEMPTS)


class ExecutionBody(serializers.Serializer[Any]):
    """An execution, for the API's description: AgentResult.as_json makes it."""

    success = serializers.BooleanField(allow_null=True, help_text="null until it has ended.")
    output = serializers.JSONField(allow_null=True)
    execution_id = serializers.UUIDField()
    tokens_used = serializers.IntegerField(allow_null=True)
    cost = serializers.CharField(allow_null=True)
    execution_time = serializers.FloatField(allow_null=True, help_text="Seconds.")
    platform_used = serializers.CharField(allow_null=True)
    model_used = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()


class ExecuteView(PrincipalView):
    """Input data in, a result out: as JSON, as server-sent events, or from the worker later."""

    required = Permission.RUN_AGENTS
    largest_body = LARGEST_EXECUTION_BODY

    @extend_schema(
        request=ExecutionToRun,
        responses={
            200: OpenApiResponse(response=ExecutionBody, description="With stream: events, as send-message has them."),
            202: ExecutionBody,
        },
        operation_id="agents_execute",
    )
    async def post(self, request: HttpRequest, agent_id: str) -> HttpResponseBase:
        body = self.read_body(request, ExecutionToRun)
        _, agent = await rows.run(execution_engine.agent_for, agent_id, self.principal)
        execution = await agent.open(
            body["input_data"],
            self.principal,
            body["context"],
            background=body["background"],
            most_attempts=body["most_attempts"],
        )
        wants_stream = body["stream"] or EVENT_STREAM in request.headers.get("Accept", "")
        if wants_stream and not body["background"]:
            return sse.response(self.principal, execution.turn.events(), execution.turn.session_id)
        result = await agent.result_of(execution)
        result.raise_for_failure()
        goes_on = result.success is None
        return JsonResponse(result.as_json(), status=status.HTTP_202_ACCEPTED if goes_on else status.HTTP_200_OK)


class ExecutionsView(PrincipalView):
    """One's own executions, newest first."""

    required = Permission.VIEW_AGENTS

    @extend_schema(parameters=[RunFilter], responses={200: ExecutionBody(many=True)}, operation_id="executions")
    async def get(self, request: HttpRequest) -> HttpResponseBase:
        return JsonResponse(await rows.run(page_of_runs, self.principal, request, _as_json))


class ExecutionView(PrincipalView):
    """One execution, as far as it is."""

    required = Permission.VIEW_AGENTS

    @extend_schema(responses={200: ExecutionBody}, operation_id="execution")
    async def get(self, request: HttpRequest, execution_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        result = await execution_engine.get_execution_status(execution_id, self.principal)
        return JsonResponse(result.as_json())


class ExecutionCancelView(PrincipalView):
    """Stop an execution, wherever it runs. What it had said is kept."""

    required = Permission.RUN_AGENTS

    @extend_schema(request=None, responses={202: ExecutionBody}, operation_id="execution_cancel")
    async def post(self, request: HttpRequest, execution_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        await rows.run(state_manager.cancel_execution, execution_id, self.principal)
        await turns.stop(self.principal, execution_id)  # so that the next in its session begins
        result = await execution_engine.get_execution_status(execution_id, self.principal)
        return JsonResponse(result.as_json(), status=status.HTTP_202_ACCEPTED)


def _as_json(runs: Sequence[AgentOSRun]) -> list[dict[str, Any]]:
    return [AgentResult.of_run(result).as_json() for result in results_of(runs)]
