"""/api/v1/agentos/webhook/{name}/, where other systems call in; /api/v1/agentos/webhooks/, where their owner sets them up."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.filters import SearchFilter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import IsPerson, Permission, requires
from apps.api.errors import InvalidInput
from apps.api.parsers import parse_json, read_at_most
from apps.api.serializers import StrictSerializer
from apps.opie.agentos import webhook_rows
from apps.opie.agentos.webhook_intake import signer_of, take_in
from apps.opie.agentos.webhook_signatures import HEADER
from apps.opie.models import Webhook, WebhookEvent
from apps.opie.models.webhooks import EventStatus

LARGEST_BODY = 256 * 1024
# A stolen key must not make another credential of its own.
MANAGERS: list[type[BasePermission]] = [IsPerson, requires(Permission.MANAGE_TEAM)]


class EventBody(StrictSerializer):
    """A call. `event_id` is the sender's own: the same one again is the same event."""

    event_type = serializers.SlugField(max_length=64)
    event_id = serializers.CharField(max_length=200)
    data = serializers.DictField()  # type: ignore[assignment]


class WebhookBody(StrictSerializer):
    """A webhook. Unless said, it acts for whoever makes it."""

    name = serializers.SlugField(min_length=3, max_length=64)
    event_types = serializers.ListField(child=serializers.SlugField(max_length=64), min_length=1, max_length=20)
    acts_for = serializers.UUIDField(required=False)
    is_active = serializers.BooleanField(required=False)


class WebhookChange(WebhookBody):
    name = None  # type: ignore[assignment]


class RotateBody(StrictSerializer):
    keep_previous = serializers.BooleanField(required=False)


class AgentOSWebhookView(APIView):
    """Signed calls of other systems. The signature is the only credential; any other is not looked at."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(request=EventBody, responses={200: OpenApiTypes.OBJECT}, operation_id="webhook_call")
    def post(self, request: Request, name: str) -> Response:
        """Takes an event in and answers at once; the worker does what it asks for."""
        raw = read_at_most(request._request, LARGEST_BODY)  # type: ignore[arg-type]
        webhook = signer_of(name, request.headers.get(HEADER, ""), raw)
        body = EventBody(data=_object(raw))
        body.is_valid(raise_exception=True)
        take_in(webhook, **body.validated_data)
        return Response({"status": "success"})


class WebhooksView(generics.ListAPIView[Webhook]):
    """The team's webhooks: ?search= in their names; making one, whose secret is answered here and nowhere else."""

    permission_classes = MANAGERS
    queryset = Webhook.objects.none()
    filter_backends = [SearchFilter]
    search_fields = ["name"]

    def get_queryset(self) -> QuerySet[Webhook]:
        return Webhook.objects.visible_to(principal_of(self.request))

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="webhooks_list")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([webhook_rows.webhook_as_json(webhook) for webhook in page])

    @extend_schema(request=WebhookBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        body = WebhookBody(data=request.data)
        body.is_valid(raise_exception=True)
        webhook = webhook_rows.create_webhook(principal_of(request), body.validated_data)
        return Response(_with_secret(webhook), status=status.HTTP_201_CREATED)


class WebhookView(APIView):
    """One webhook."""

    permission_classes = MANAGERS

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(webhook_rows.webhook_as_json(webhook_rows.own_webhook(principal_of(request), webhook_id)))

    @extend_schema(request=WebhookChange, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        body = WebhookChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        webhook = webhook_rows.change_webhook(principal_of(request), webhook_id, body.validated_data)
        return Response(webhook_rows.webhook_as_json(webhook))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        webhook_rows.delete_webhook(principal_of(request), webhook_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookRotateView(APIView):
    """A new secret, answered here and nowhere else. `keep_previous` (true unless set) lets the old one hold for a day."""

    permission_classes = MANAGERS

    @extend_schema(request=RotateBody, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        body = RotateBody(data=request.data)
        body.is_valid(raise_exception=True)
        keep = body.validated_data.get("keep_previous", True)
        return Response(_with_secret(webhook_rows.rotate_secret(principal_of(request), webhook_id, keep_previous=keep)))


class WebhookEventsView(generics.ListAPIView[WebhookEvent]):
    """How the events of a webhook fare, the newest first: ?status=, ?search= in ids and types."""

    permission_classes = MANAGERS
    queryset = WebhookEvent.objects.none()
    filter_backends = [SearchFilter]
    search_fields = ["event_id", "event_type"]

    def get_queryset(self) -> QuerySet[WebhookEvent]:
        principal = principal_of(self.request)
        webhook = webhook_rows.own_webhook(principal, self.kwargs["webhook_id"])
        events = WebhookEvent.objects.visible_to(principal).filter(webhook=webhook)
        wanted = self.request.query_params.get("status")
        if wanted and wanted not in EventStatus.values:
            raise InvalidInput(fields={"status": [f"Choose one of {', '.join(EventStatus.values)}."]})
        return events.filter(status=wanted) if wanted else events

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="webhook_events_list")
    def get(self, request: Request, webhook_id: UUID) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([webhook_rows.event_as_json(event) for event in page])


class WebhookEventRetryView(APIView):
    """Have an event that has failed worked on again, with all of its attempts."""

    permission_classes = MANAGERS

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, event_id: UUID) -> Response:
        event = webhook_rows.retry_event(principal_of(request), event_id)
        return Response(webhook_rows.event_as_json(event), status=status.HTTP_202_ACCEPTED)


def _with_secret(webhook: Webhook) -> dict[str, Any]:
    return webhook_rows.webhook_as_json(webhook) | {"secret": webhook.secret}


def _object(raw: bytes) -> dict[str, Any]:
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise InvalidInput("The body has to be a JSON object.", code="malformed")
    return value
