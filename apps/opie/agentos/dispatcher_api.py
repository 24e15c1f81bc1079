"""/api/v1/dispatcher/: who fits a task and why, the task given to whoever fits, and whether the choices were good."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.pagination import PagePagination
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.agentos.api import EVENT_STREAM
from apps.opie.agentos.executions_api import LARGEST_EXECUTION_BODY, ExecutionBody
from apps.opie.agentos.metrics_api import TIMES, AgentOSMetricsView, period_of
from apps.opie.agentos.runs_api import LARGEST_MESSAGE_BODY
from apps.opie.engine.asking import ATTEMPTS, LONGEST_MESSAGE, MOST_ATTEMPTS
from apps.opie.engine.dispatcher.executing import give_task
from apps.opie.engine.dispatcher.selecting import MOST_CAPABILITIES, select
from apps.opie.metrics.dispatches import report_dispatches
from apps.opie.models import DispatchDecision


class TaskToDispatch(StrictSerializer):
    """A task in words. With `capabilities` only agents that have all of them are candidates."""

    task_description = serializers.CharField(max_length=LONGEST_MESSAGE, trim_whitespace=False)
    capabilities = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=MOST_CAPABILITIES, required=False, default=list
    )


class TaskToExecute(StrictSerializer):
    """A task in words, and what it is about; the rest as in agents/{agent_id}/execute/."""

    task_description = serializers.CharField(max_length=LONGEST_MESSAGE, trim_whitespace=False)
    input_data = serializers.DictField(required=False, default=dict)
    context = serializers.DictField(required=False, default=dict)  # type: ignore[assignment]  # no attribute then
    stream = serializers.BooleanField(required=False, default=False)
    background = serializers.BooleanField(required=False, default=False)
    most_attempts = serializers.IntegerField(min_value=1, max_value=MOST_ATTEMPTS, required=False, default=ATTEMPTS)


class ScorePartsBody(serializers.Serializer[Any]):
    """They add up to the score."""

    success_rate = serializers.FloatField(help_text="At most 0.4.")
    response_time = serializers.FloatField(help_text="At most 0.3.")
    experience = serializers.FloatField(help_text="At most 0.2.")
    priority = serializers.FloatField(help_text="At most 0.1.")


class CandidateBody(serializers.Serializer[Any]):
    """An agent that fits the task, with its score."""

    agent_id = serializers.CharField()
    score = serializers.FloatField()
    parts = ScorePartsBody()
    fit = serializers.FloatField(help_text="How well it fits the task, from 0 to 1.")
    words = serializers.ListField(child=serializers.CharField(), help_text="What in the task spoke for it.")
    likeness = serializers.FloatField(
        allow_null=True, help_text="Of the task and its nearest example; null: not known."
    )


class NearestBody(serializers.Serializer[Any]):
    """An agent that comes near, where nobody fits."""

    agent_id = serializers.CharField()
    fit = serializers.FloatField()


class SelectionBody(serializers.Serializer[Any]):
    """A choice, for the API's description: Selection.as_json makes it."""

    agent_id = serializers.CharField(allow_null=True, help_text="null: nobody fits.")
    score = serializers.FloatField(allow_null=True)
    candidates = CandidateBody(many=True)
    nearest = NearestBody(many=True)
    why = serializers.CharField()
    decision_id = serializers.UUIDField()
    with_vectors = serializers.BooleanField()


class DispatchedExecutionBody(ExecutionBody):
    """An execution, and how its agent was chosen."""

    agent_id = serializers.CharField()
    dispatch = SelectionBody()


class DispatcherSelectView(PrincipalView):
    """Who fits a task, with every candidate's score and why. Nothing is run."""

    required = Permission.RUN_AGENTS
    largest_body = LARGEST_MESSAGE_BODY

    @extend_schema(request=TaskToDispatch, responses={200: SelectionBody}, operation_id="dispatcher_select")
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        body = self.read_body(request, TaskToDispatch)
        selection = await select(self.principal, body["task_description"], capabilities=body["capabilities"])
        return JsonResponse(selection.as_json())


class DispatcherExecuteView(PrincipalView):
    """A task given to the agent that fits it; 409 `no_agent_fits` where nobody does."""

    required = Permission.RUN_AGENTS
    largest_body = LARGEST_EXECUTION_BODY

    @extend_schema(
        request=TaskToExecute,
        responses={
            200: OpenApiResponse(
                response=DispatchedExecutionBody,
                description="With stream: events, as send-message has them; the first says who was chosen.",
            ),
            202: DispatchedExecutionBody,
        },
        operation_id="dispatcher_execute",
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        body = self.read_body(request, TaskToExecute)
        given = await give_task(
            self.principal,
            body["task_description"],
            body["input_data"],
            body["context"],
            background=body["background"],
            most_attempts=body["most_attempts"],
        )
        wants_stream = body["stream"] or EVENT_STREAM in request.headers.get("Accept", "")
        if wants_stream and not body["background"]:
            turn = given.execution.turn
            return sse.response(self.principal, turn.events(), turn.session_id)
        result = await given.result()
        result.raise_for_failure()
        answer = result.as_json() | {"agent_id": given.selection.agent_id, "dispatch": given.selection.as_json()}
        goes_on = result.success is None
        return JsonResponse(answer, status=status.HTTP_202_ACCEPTED if goes_on else status.HTTP_200_OK)


class DispatchDecisionsView(PrincipalView):
    """One's own choices, newest first, each with what came of it."""

    required = Permission.VIEW_AGENTS

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="dispatcher_decisions")
    async def get(self, request: HttpRequest) -> HttpResponseBase:
        return JsonResponse(await rows.run(_page_of_decisions, self.principal, request))


class DispatcherFiguresView(AgentOSMetricsView):
    """How runs ended that came of choices, by score and by agent: the team's, or one's own where the role says own."""

    @extend_schema(parameters=TIMES, responses={200: OpenApiTypes.OBJECT}, operation_id="dispatcher_figures")
    def get(self, request: Request) -> Response:
        return Response(report_dispatches(principal_of(request), *period_of(request)).as_json())


def _page_of_decisions(principal: Principal, request: HttpRequest) -> dict[str, Any]:
    decisions = DispatchDecision.objects.visible_to(principal).select_related("run__performance")
    pages = PagePagination()
    page = pages.paginate_queryset(decisions, Request(request)) or []
    found: dict[str, Any] = pages.get_paginated_response([_as_json(one) for one in page]).data
    return found


def _as_json(decision: DispatchDecision) -> dict[str, Any]:
    return {
        "decision_id": str(decision.pk),
        "task_description": decision.task,
        "agent_id": decision.chosen or None,
        "score": decision.score,
        "fit": decision.fit,
        "candidates": decision.candidates,
        "with_vectors": decision.with_vectors,
        "created_at": decision.created_at.isoformat(),
        "outcome": decision.outcome(),
    }
