"""/api/v1/agentos/schedules/: questions that are asked by the clock."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import Permission, requires
from apps.api.serializers import StrictSerializer
from apps.opie.agentos import schedule_rows
from apps.opie.agentos.service import LONGEST_MESSAGE, MOST_ATTEMPTS
from apps.opie.engine.schedules import run_now
from apps.opie.models import AgentOSSchedule


class ScheduleBody(StrictSerializer):
    """A schedule. `cron` is five fields; without a session each of its runs is on its own."""

    name = serializers.CharField(max_length=120)
    agent_id = serializers.CharField(max_length=64)
    session_id = serializers.UUIDField(required=False, allow_null=True)
    message = serializers.CharField(max_length=LONGEST_MESSAGE, trim_whitespace=False)
    cron = serializers.CharField(max_length=100)
    time_zone = serializers.CharField(max_length=64, required=False)
    most_attempts = serializers.IntegerField(min_value=1, max_value=MOST_ATTEMPTS, required=False)
    is_enabled = serializers.BooleanField(required=False)

    def validate_message(self, message: str) -> str:
        if not message.strip():
            raise serializers.ValidationError("Write a message.")
        return message


class SchedulesView(generics.ListAPIView[AgentOSSchedule]):
    """One's own schedules: ?search= in names and messages, ?ordering=; making one."""

    permission_classes = [requires(Permission.RUN_AGENTS, to_read=Permission.VIEW_AGENTS)]
    queryset = AgentOSSchedule.objects.none()
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["name", "message", "agent__agent_id"]
    ordering_fields = ["name", "next_run_at", "last_run_at", "created_at"]
    ordering = ["name", "pk"]

    def get_queryset(self) -> QuerySet[AgentOSSchedule]:
        return AgentOSSchedule.objects.visible_to(principal_of(self.request)).select_related("agent")

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="schedules_list")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([schedule_rows.schedule_as_json(schedule) for schedule in page])

    @extend_schema(request=ScheduleBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        body = ScheduleBody(data=request.data)
        body.is_valid(raise_exception=True)
        schedule = schedule_rows.create_schedule(principal_of(request), body.validated_data)
        return Response(schedule_rows.schedule_as_json(schedule), status=status.HTTP_201_CREATED)


class ScheduleView(APIView):
    """One schedule."""

    permission_classes = [requires(Permission.RUN_AGENTS, to_read=Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, schedule_id: UUID) -> Response:
        schedule = schedule_rows.own_schedule(principal_of(request), schedule_id)
        return Response(schedule_rows.schedule_as_json(schedule))

    @extend_schema(request=ScheduleBody, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, schedule_id: UUID) -> Response:
        body = ScheduleBody(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        schedule = schedule_rows.change_schedule(principal_of(request), schedule_id, body.validated_data)
        return Response(schedule_rows.schedule_as_json(schedule))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, schedule_id: UUID) -> Response:
        schedule_rows.delete_schedule(principal_of(request), schedule_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ScheduleRunView(APIView):
    """Ask it now, on the worker; its next time stays as it is."""

    permission_classes = [requires(Permission.RUN_AGENTS)]

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, schedule_id: UUID) -> Response:
        principal = principal_of(request)
        opened = run_now(schedule_rows.own_schedule(principal, schedule_id), principal)
        answer = {"run_id": str(opened.run_id), "status": opened.status}
        return Response(answer, status=status.HTTP_202_ACCEPTED)
