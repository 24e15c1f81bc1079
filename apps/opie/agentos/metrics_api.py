"""/api/v1/agentos/metrics/: usage, performance and errors of the team, or of oneself where the role says own."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import Permission, requires
from apps.api.errors import InvalidInput, NotAllowed, NotFound
from apps.api.serializers import StrictModelSerializer
from apps.opie.metrics.performance import report_performance
from apps.opie.metrics.usage import FILTERS, UsageQuestion, UsageReport, report_usage
from apps.opie.models import AgentOSError
from apps.opie.models.usage import in_reach

CSV_COLUMNS = [
    "group", "calls", "failed_calls", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost",
    "unpriced_calls",
]  # fmt: skip
# What a spreadsheet would take for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TIMES = [
    OpenApiParameter("from", OpenApiTypes.STR, description="A date or a moment; what began before it is left out."),
    OpenApiParameter("to", OpenApiTypes.STR, description="A date (that day included) or a moment."),
]


class CsvRenderer(BaseRenderer):
    """Marks that CSV can be had; the view writes it."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:  # noqa: ARG002
        return JSONRenderer().render(data)


class AgentOSMetricsView(APIView):
    """What all of them have in common."""

    permission_classes = [requires(Permission.VIEW_METRICS)]


class UsageMetricsView(AgentOSMetricsView):
    """What was called and what it cost, by group; with Accept: text/csv as CSV."""

    renderer_classes = [JSONRenderer, CsvRenderer]

    @extend_schema(
        parameters=[
            OpenApiParameter("group_by", OpenApiTypes.STR),
            *TIMES,
            *(OpenApiParameter(name) for name in FILTERS),
        ],
        responses={200: OpenApiTypes.OBJECT, (200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> Response | HttpResponse:
        asked = request.query_params
        since, until = period_of(request)
        filters = {name: asked[name] for name in FILTERS if name in asked}
        question = UsageQuestion(asked.get("group_by", "model"), since, until, filters)
        report = report_usage(principal_of(request), question)
        if request.accepted_renderer.format == "csv":
            return _as_csv(report)
        return Response(report.as_json())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """An error is JSON, whatever was asked for."""
        if getattr(response, "exception", False):
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


class PerformanceMetricsView(AgentOSMetricsView):
    """How fast answers were, by group."""

    @extend_schema(
        parameters=[OpenApiParameter("group_by"), *TIMES, OpenApiParameter("agent")],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        since, until = period_of(request)
        asked = request.query_params
        found = report_performance(
            principal_of(request), asked.get("group_by", "agent"), since, until, asked.get("agent")
        )
        return Response({"results": [figures.as_json() for figures in found]})


class ErrorSerializer(StrictModelSerializer):
    error_id = serializers.UUIDField(source="id", read_only=True)
    agent_id = serializers.SerializerMethodField()

    class Meta:
        model = AgentOSError
        fields = [
            "error_id", "agent_id", "code", "place", "message", "occurrences", "first_seen", "last_seen", "last_run_id",
            "is_resolved",
        ]  # fmt: skip
        read_only_fields = [name for name in fields if name != "is_resolved"]

    def get_agent_id(self, error: AgentOSError) -> str | None:
        return error.agent.agent_id if error.agent else None


class ErrorMetricsView(generics.ListAPIView[AgentOSError]):
    """What failed, where and how often; newest first."""

    permission_classes = [requires(Permission.VIEW_METRICS)]
    serializer_class = ErrorSerializer
    queryset = AgentOSError.objects.none()

    def get_queryset(self) -> QuerySet[AgentOSError]:
        errors = AgentOSError.objects.visible_to(principal_of(self.request)).select_related("agent")
        wanted = self.request.query_params.get("is_resolved", "").lower()
        if wanted not in {"", "true", "false"}:
            raise InvalidInput(fields={"is_resolved": ["Choose true or false."]})
        if wanted:
            errors = errors.filter(is_resolved=wanted == "true")
        return errors.order_by("-last_seen")


class ErrorMetricView(APIView):
    """One kind of failure: resolve it, or take that back. For those who manage the team's agents."""

    permission_classes = [requires(Permission.MANAGE_AGENTS, to_read=Permission.VIEW_METRICS)]

    def _error(self, request: Request, error_id: Any) -> AgentOSError:
        error = AgentOSError.objects.visible_to(principal_of(request)).filter(pk=error_id).first()
        if error is None:
            raise NotFound
        return error

    @extend_schema(responses={200: ErrorSerializer})
    def get(self, request: Request, error_id: Any) -> Response:
        return Response(ErrorSerializer(self._error(request, error_id)).data)

    @extend_schema(request=ErrorSerializer, responses={200: ErrorSerializer})
    def patch(self, request: Request, error_id: Any) -> Response:
        error = self._error(request, error_id)
        if not principal_of(request).may_for(Permission.MANAGE_AGENTS, error.agent.owner_id if error.agent else None):
            raise NotAllowed
        body = ErrorSerializer(error, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        body.save()
        return Response(body.data)


def period_of(request: Request) -> tuple[datetime | None, datetime | None]:
    """`from` and `to` as moments, [from, to); a date as `to` includes its day. Raises InvalidInput."""
    asked = request.query_params
    return moment_of(asked, "from", whole_day=False), moment_of(asked, "to", whole_day=True)


def moment_of(asked: QueryDict, name: str, *, whole_day: bool) -> datetime | None:
    """What is asked for by that name: a day begins at midnight UTC, or ends then. Raises InvalidInput."""
    text = asked.get(name)
    if not text:
        return None
    try:
        day = parse_date(text)
        moment = None if day else parse_datetime(text)
    except ValueError:
        day = moment = None
    if day is not None:
        start = in_reach(datetime(day.year, day.month, day.day, tzinfo=UTC))
        return start + timedelta(days=1) if whole_day else start
    if moment is None:
        raise InvalidInput(fields={name: ["Send a date (2026-11-21) or a moment (2026-11-21T08:00:00Z)."]})
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def safe_cell(text: str) -> str:
    """The text as a spreadsheet may be given it: never a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _as_csv(report: UsageReport) -> HttpResponse:
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS)
    writer.writeheader()
    for name, totals in report.groups:
        writer.writerow({"group": safe_cell(name), **totals.as_json()})
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="usage.csv"'
    return response
