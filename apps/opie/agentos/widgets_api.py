"""/api/v1/agentos/widgets/: an agent of the team on pages elsewhere."""

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
from apps.opie.agentos.widget_rows import (
    change_widget,
    conversation_count,
    delete_widget,
    find_widget,
    make_widget,
    widget_as_json,
)
from apps.opie.models import SupportWidget
from apps.opie.models.widgets import LONGEST_GREETING, LONGEST_ORIGIN, MOST_ORIGINS


class WidgetBody(StrictSerializer):
    """A widget: which agent, and the origins of the pages that may show it, as in `https://shop.example`."""

    name = serializers.CharField(max_length=120)
    agent_id = serializers.CharField(max_length=64)
    greeting = serializers.CharField(max_length=LONGEST_GREETING, required=False, allow_blank=True)
    allowed_origins = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_ORIGIN), allow_empty=False, max_length=MOST_ORIGINS
    )
    is_active = serializers.BooleanField(required=False)


class WidgetChange(WidgetBody):
    """What can be changed of a widget. `renew_secret` makes another secret, which is answered once."""

    renew_secret = serializers.BooleanField(required=False)


class WidgetsView(generics.ListAPIView[SupportWidget]):
    """The widgets that the caller may see; making one. Its secret is in that answer, and nowhere afterwards."""

    permission_classes = [requires(Permission.MANAGE_AGENTS)]
    queryset = SupportWidget.objects.none()
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["name", "agent__name", "agent__agent_id"]
    ordering_fields = ["name", "created_at"]
    ordering = ["name", "id"]

    def get_queryset(self) -> QuerySet[SupportWidget]:
        return SupportWidget.objects.visible_to(principal_of(self.request)).select_related("agent")

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="widgets_list")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([widget_as_json(widget) for widget in page])

    @extend_schema(request=WidgetBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        body = WidgetBody(data=request.data)
        body.is_valid(raise_exception=True)
        widget = make_widget(principal_of(request), body.validated_data)
        return Response(widget_as_json(widget) | {"secret": widget.secret}, status=status.HTTP_201_CREATED)


class WidgetView(APIView):
    """One widget."""

    permission_classes = [requires(Permission.MANAGE_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="widget")
    def get(self, request: Request, widget_id: UUID) -> Response:
        widget = find_widget(principal_of(request), widget_id)
        return Response(widget_as_json(widget) | {"conversations": conversation_count(widget)})

    @extend_schema(request=WidgetChange, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, widget_id: UUID) -> Response:
        find_widget(principal_of(request), widget_id)
        body = WidgetChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        widget = change_widget(principal_of(request), widget_id, body.validated_data)
        secret = {"secret": widget.secret} if body.validated_data.get("renew_secret") else {}
        return Response(widget_as_json(widget) | secret)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, widget_id: UUID) -> Response:
        delete_widget(principal_of(request), widget_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
