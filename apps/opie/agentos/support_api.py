"""/api/v1/agentos/support/: conversations of the team's widgets, and those whose people have asked for somebody, for the
people who may answer customers."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import Permission, requires
from apps.api.errors import InvalidInput
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.support_rows import (
    message_as_json,
    messages_after,
    reactions_to,
    session_for_staff,
    support_sessions,
)
from apps.opie.engine import taking_over
from apps.opie.engine.asking import checked_message
from apps.opie.models import AgentOSSession

LONGEST_REPLY = 10_000
STATES = ("agent", "waits", "taken_over", "closed")
AFTER = OpenApiParameter("after", int, description="The number of the last message that is known already.")


class SupportFilter(serializers.Serializer[Any]):
    """What the list can be narrowed to."""

    search = serializers.CharField(max_length=200, required=False, allow_blank=True)
    state = serializers.ChoiceField(choices=STATES, required=False)


class Reply(StrictSerializer):
    message = serializers.CharField(max_length=LONGEST_REPLY, trim_whitespace=False)


class SupportListView(generics.ListAPIView[AgentOSSession]):
    """The conversations, those first in which something happened last."""

    permission_classes = [requires(Permission.ANSWER_CUSTOMERS)]
    queryset = AgentOSSession.objects.none()

    def get_queryset(self) -> QuerySet[AgentOSSession]:
        asked = SupportFilter(data=self.request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return support_sessions(principal_of(self.request), **asked.validated_data)

    @extend_schema(parameters=[SupportFilter], responses={200: OpenApiTypes.OBJECT}, operation_id="support_list")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response([session_for_staff(session) for session in page])


class SupportView(APIView):
    """One conversation with what was said in it; with ?after= what was said since, as who has it open asks again and
    again. Reading is audited."""

    permission_classes = [requires(Permission.ANSWER_CUSTOMERS)]

    @extend_schema(parameters=[AFTER], responses={200: OpenApiTypes.OBJECT}, operation_id="support_conversation")
    def get(self, request: Request, session_id: UUID) -> Response:
        principal = principal_of(request)
        session = taking_over.support_session(principal, session_id)
        after = number_after(request.query_params.get("after", "0"))
        taking_over.note_view(principal, session)
        said = {"messages": messages_after(session, after), "reactions": reactions_to(session)}
        return Response(session_for_staff(session) | said)


class TakeOverView(APIView):
    """A person answers from here on, and no model is called."""

    permission_classes = [requires(Permission.ANSWER_CUSTOMERS)]

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT}, operation_id="support_take_over")
    def post(self, request: Request, session_id: UUID) -> Response:
        taking_over.take_over(principal_of(request), session_id)
        return Response(session_for_staff(taking_over.support_session(principal_of(request), session_id)))


class HandBackView(APIView):
    """The agent answers again. A conversation of no widget is closed to the team with that: this is the last of it."""

    permission_classes = [requires(Permission.ANSWER_CUSTOMERS)]

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT}, operation_id="support_hand_back")
    def post(self, request: Request, session_id: UUID) -> Response:
        return Response(session_for_staff(taking_over.hand_back(principal_of(request), session_id)))


class ReplyView(APIView):
    """An answer by the person who has the conversation."""

    permission_classes = [requires(Permission.ANSWER_CUSTOMERS)]

    @extend_schema(request=Reply, responses={201: OpenApiTypes.OBJECT}, operation_id="support_reply")
    def post(self, request: Request, session_id: UUID) -> Response:
        principal = principal_of(request)
        taking_over.support_session(principal, session_id)
        body = Reply(data=request.data)
        body.is_valid(raise_exception=True)
        said = taking_over.reply(principal, session_id, checked_message(body.validated_data["message"]))
        return Response(message_as_json(said), status=status.HTTP_201_CREATED)


def number_after(said: str) -> int:
    """The number of a message, from a query. Raises InvalidInput."""
    if not said.isascii() or not said.isdigit() or len(said) > 9:
        raise InvalidInput(fields={"after": ["Send the number of the last message you have."]})
    return int(said)
