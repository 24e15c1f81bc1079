"""/api/v1/agentos/runs/: runs that were asked for, wherever they run; and tasks, which need no session."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request

from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotFound
from apps.api.pagination import PagePagination
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.agentos.run_json import run_as_json, runs_as_json
from apps.opie.agentos.serializers import Answer, RunDetail
from apps.opie.agentos.service import ATTEMPTS, LONGEST_MESSAGE, MOST_ATTEMPTS, AgentOSService
from apps.opie.engine import turn as turns
from apps.opie.engine.outcome import result_of_run
from apps.opie.engine.stream import read_events
from apps.opie.engine.summaries import context_as_json
from apps.opie.models import AgentOSRun
from apps.opie.models.runs import RunStatus

EVENT_STREAM = "text/event-stream"
LARGEST_MESSAGE_BODY = 512 * 1024
LONGEST_WAIT = 60


class RunFilter(serializers.Serializer[Any]):
    """What a list of runs can be narrowed to."""

    status = serializers.ChoiceField(choices=RunStatus.choices, required=False)
    agent_id = serializers.CharField(max_length=64, required=False)
    session_id = serializers.UUIDField(required=False)
    schedule_id = serializers.UUIDField(required=False)
    background = serializers.BooleanField(required=False)


class TaskToRun(StrictSerializer):
    """A task for an agent: one message in, one answer out, without a session."""

    agent_id = serializers.CharField(max_length=64)
    message = serializers.CharField(max_length=LONGEST_MESSAGE, trim_whitespace=False)
    background = serializers.BooleanField(required=False, default=True)
    most_attempts = serializers.IntegerField(min_value=1, max_value=MOST_ATTEMPTS, required=False, default=ATTEMPTS)


class RunsView(PrincipalView):
    """One's own runs, newest first; and giving an agent a task."""

    required = Permission.VIEW_AGENTS
    largest_body = LARGEST_MESSAGE_BODY

    @extend_schema(parameters=[RunFilter], responses={200: OpenApiTypes.OBJECT}, operation_id="agentos_runs")
    async def get(self, request: HttpRequest) -> HttpResponseBase:
        return JsonResponse(await rows.run(page_of_runs, self.principal, request, runs_as_json))

    @extend_schema(
        request=TaskToRun, responses={200: Answer, 202: OpenApiTypes.OBJECT}, operation_id="agentos_run_task"
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        body = self.read_body(request, TaskToRun)
        turn = await AgentOSService(self.principal).open_task(**body)
        if body["background"]:
            answer = {"run_id": str(turn.run_id), "status": turn.opened.status.value}
            return JsonResponse(answer, status=status.HTTP_202_ACCEPTED)
        result = await turn.result()
        result.raise_for_failure()
        return JsonResponse(result.as_json())


class RunDetailView(PrincipalView):
    """One run: the answer and what it took, as far as it is, and what the model was given of the conversation. With
    ?wait=30 once it has ended, or after 30 seconds."""

    required = Permission.VIEW_AGENTS

    @extend_schema(
        parameters=[OpenApiParameter("wait", int, description="Seconds to wait for its end, at most 60.")],
        responses={200: RunDetail},
        operation_id="agentos_run",
    )
    async def get(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        seconds = _seconds_to_wait(request)
        run = await rows.run(visible_run, self.principal, run_id)
        if seconds and not run.has_ended:
            await _wait_for_end(run_id, seconds)
        return JsonResponse(await rows.run(_detail, self.principal, run_id))


class RunEventsView(PrincipalView):
    """A run's events from the first, or from the one after Last-Event-ID; live while it runs."""

    required = Permission.VIEW_AGENTS

    @extend_schema(responses={(200, EVENT_STREAM): str}, operation_id="agentos_run_events")
    async def get(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:
        run = await rows.run(visible_run, self.principal, run_id)
        return sse.response(self.principal, read_events(run_id, last_event_id(request)), run.session_id)


class RunCancelView(PrincipalView):
    """Stop a run, in whichever process it runs; one that waits ends at once. What it had said is kept."""

    required = Permission.RUN_AGENTS

    @extend_schema(request=None, responses={202: Answer}, operation_id="agentos_run_cancel")
    async def post(self, request: HttpRequest, run_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        await turns.stop(self.principal, run_id)
        return JsonResponse(await rows.run(_detail, self.principal, run_id), status=status.HTTP_202_ACCEPTED)


def visible_run(principal: Principal, run_id: UUID) -> AgentOSRun:
    """The person's run of this id; NotFound alike for one that is not there and somebody else's."""
    run = AgentOSRun.objects.visible_to(principal).select_related("agent").filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run.", code="run_not_found")
    return run


def last_event_id(request: HttpRequest) -> int:
    """The number a returning reader had come to; 0 for a new one. Raises InvalidInput."""
    said = request.headers.get("Last-Event-ID", "0")
    if not said.isascii() or not said.isdigit() or len(said) > 9:
        raise InvalidInput(fields={"Last-Event-ID": ["Send the id of the last event you have, a number."]})
    return int(said)


def _seconds_to_wait(request: HttpRequest) -> int:
    said = request.GET.get("wait", "0")
    if not said.isascii() or not said.isdigit() or len(said) > 3 or int(said) > LONGEST_WAIT:
        raise InvalidInput(fields={"wait": [f"Choose a number of seconds from 0 to {LONGEST_WAIT}."]})
    return int(said)


async def _wait_for_end(run_id: UUID, seconds: int) -> None:
    """Reads along until the last event, as any reader does: nothing of the database is held meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            async for _ in read_events(run_id):
                pass
    except TimeoutError:
        return


def _detail(principal: Principal, run_id: UUID) -> dict[str, Any]:
    result, run = result_of_run(run_id), visible_run(principal, run_id)
    if run.status != result.status:
        result = result_of_run(run_id)  # it went on between the two
    return run_as_json(run) | result.as_json() | {"context": context_as_json(run)}


def page_of_runs(
    principal: Principal, request: HttpRequest, as_json: Callable[[Sequence[AgentOSRun]], list[dict[str, Any]]]
) -> dict[str, Any]:
    """A page of this person's runs, newest first, filtered as RunFilter says. Raises InvalidInput."""
    asked = RunFilter(data=request.GET.dict())
    asked.is_valid(raise_exception=True)
    runs = AgentOSRun.objects.visible_to(principal).select_related("agent", "performance").order_by("-id")
    names = {"agent_id": "agent__agent_id", "background": "is_background"}
    runs = runs.filter(**{names.get(name, name): value for name, value in asked.validated_data.items()})
    pages = PagePagination()
    page = pages.paginate_queryset(runs, Request(request)) or []
    found: dict[str, Any] = pages.get_paginated_response(as_json(page)).data
    return found
