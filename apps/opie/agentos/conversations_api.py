"""/api/v1/conversations/: sessions under the names of the music store's contract. The same rows and the same code as
/api/v1/agentos/sessions/; docs/conversations.md."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import IsVisitor, Permission, VisitorsRead, requires
from apps.api.errors import InvalidInput
from apps.api.pagination import LARGEST_PAGE, LimitPagination, OffsetPagination
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.api import (
    BranchSessionView,
    SessionDetailView,
    SessionListView,
    SessionMessagesView,
)
from apps.opie.agentos.chat_agent import chat_agent_of
from apps.opie.agentos.metrics_api import TIMES, period_of
from apps.opie.agentos.narrowing import flag_of
from apps.opie.agentos.serializers import MessageSerializer, SessionSerializer
from apps.opie.agentos.service import LONGEST_TITLE, AgentOSService
from apps.opie.agentos.visitor_answers import figures_for_visitor, words_for_visitor
from apps.opie.engine.clearing import clear_history
from apps.opie.limits.hourly import admit_request
from apps.opie.metrics.conversations import ConversationQuestion, Scope, conversation_figures
from apps.opie.models import AgentOSMessage, AgentOSSession

# Visitors of widgets may do here what everybody may: with what is their own.
TO_READ = requires(Permission.VIEW_AGENTS) | IsVisitor
TO_RUN = requires(Permission.RUN_AGENTS) | IsVisitor
TO_CHANGE = requires(Permission.RUN_AGENTS, to_read=Permission.VIEW_AGENTS) | IsVisitor


class HourlyThrottle(BaseThrottle):
    """So many requests an hour for each person; refuses with LimitExceeded."""

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        admit_request(principal_of(request))
        return True


class ConversationToCreate(StrictSerializer):
    title = serializers.CharField(max_length=LONGEST_TITLE, required=False, allow_blank=True, default="")
    agent_id = serializers.CharField(max_length=64, required=False)


class ConversationSerializer(SessionSerializer):
    """A session with its id as `id` too."""

    id = serializers.UUIDField(read_only=True)

    class Meta(SessionSerializer.Meta):
        fields = ["id", *SessionSerializer.Meta.fields]


class MessageForVisitor(MessageSerializer):
    """A question or an answer without what is the team's own to know. Wants `run` at hand too."""

    content = serializers.SerializerMethodField()

    class Meta(MessageSerializer.Meta):
        fields = [
            "message_id", "parent_id", "run_id", "number", "role", "is_answer", "status", "agent_id", "answered_by", "content",
            "reaction", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_content(self, message: AgentOSMessage) -> str:
        return words_for_visitor(message)


class ConversationDetail(ConversationSerializer):
    """For the API's description: with ?include_messages=true."""

    messages = MessageSerializer(many=True, required=False)

    class Meta(ConversationSerializer.Meta):
        fields = [*ConversationSerializer.Meta.fields, "messages"]


class ConversationsView(SessionListView):
    """This caller's conversations: ?search=, ?agent_id=, ?is_archived=, ?is_empty=, ?from=, ?to=, ?ordering=, ?page=,
    ?page_size= or ?limit=; and a new one."""

    permission_classes = [TO_CHANGE]
    accepts_visitors = True
    throttle_classes = [HourlyThrottle]
    serializer_class = ConversationSerializer
    pagination_class = LimitPagination

    @extend_schema(request=ConversationToCreate, responses={201: ConversationSerializer})
    def post(self, request: Request) -> Response:
        body = ConversationToCreate(data=request.data)
        body.is_valid(raise_exception=True)
        principal = principal_of(request)
        agent_id = body.validated_data.get("agent_id") or chat_agent_of(principal)
        made = AgentOSService(principal).create_session(agent_id, body.validated_data["title"])
        return Response(ConversationSerializer(made).data, status=status.HTTP_201_CREATED)


class ConversationView(SessionDetailView):
    """One conversation: read, rename or archive, delete. A visitor reads."""

    permission_classes = [TO_CHANGE, VisitorsRead]
    accepts_visitors = True
    throttle_classes = [HourlyThrottle]
    serializer_class = ConversationSerializer
    lookup_url_kwarg = "conversation_id"

    @extend_schema(
        parameters=[
            OpenApiParameter("include_messages", bool, description=f"The last {LARGEST_PAGE} of the branch shown.")
        ],
        responses={200: ConversationDetail},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = flag_of(request.query_params, "include_messages")
        answer = super().get(request, *args, **kwargs)
        if wanted:
            answer.data["messages"] = _last_messages(request, self.get_object())
        return answer


class ConversationMessagesView(SessionMessagesView):
    """What was said, in order: ?limit=, ?offset=; in all branches with ?branch=all."""

    permission_classes = [TO_READ]
    accepts_visitors = True
    throttle_classes = [HourlyThrottle]
    pagination_class = OffsetPagination

    def get_queryset(self) -> Any:
        self.kwargs["session_id"] = self.kwargs["conversation_id"]
        messages = super().get_queryset()
        return messages.shown().select_related("agent", "run") if principal_of(self.request).is_visitor else messages

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["context"] = self.get_serializer_context()
        return _serializer_for(self.request)(*args, **kwargs)

    @extend_schema(responses={200: MessageSerializer(many=True)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ConversationStatisticsView(APIView):
    """How many one had, how long they are, and with whom; with ?scope=team the team's, for those who may see its figures."""

    permission_classes = [TO_READ]
    accepts_visitors = True
    throttle_classes = [HourlyThrottle]

    @extend_schema(
        parameters=[*TIMES, OpenApiParameter("scope", enum=list(Scope), default=Scope.MINE)],
        responses={200: OpenApiTypes.OBJECT},
        operation_id="conversations_statistics",
    )
    def get(self, request: Request) -> Response:
        since, until = period_of(request)
        scope = request.query_params.get("scope") or Scope.MINE
        if scope not in list(Scope):
            raise InvalidInput(fields={"scope": [f"Choose one of {', '.join(Scope)}."]})
        principal = principal_of(request)
        figures = conversation_figures(principal, ConversationQuestion(since, until, Scope(scope))).as_json()
        return Response(figures_for_visitor(figures) if principal.is_visitor else figures)


class ClearHistoryView(APIView):
    """Empty a conversation and keep it. What its answers took stays in the books."""

    permission_classes = [requires(Permission.RUN_AGENTS)]
    throttle_classes = [HourlyThrottle]

    @extend_schema(responses={200: ConversationSerializer}, operation_id="conversations_clear_history")
    def delete(self, request: Request, conversation_id: UUID) -> Response:
        cleared = clear_history(principal_of(request), conversation_id)
        return Response(ConversationSerializer(cleared).data)


class ContinueFromMessageView(BranchSessionView):
    """A new conversation that begins with what was said up to a message."""

    permission_classes = [TO_RUN]
    accepts_visitors = True
    throttle_classes = [HourlyThrottle]
    serializer_class = ConversationSerializer

    def post(self, request: Request, conversation_id: UUID) -> Response:
        return super().post(request, conversation_id)


def _last_messages(request: Request, session: AgentOSSession) -> Any:
    said = AgentOSMessage.objects.filter(session=session).in_branch(session.head_id).select_related("agent")
    if principal_of(request).is_visitor:
        said = said.shown().select_related("agent", "run")
    last = list(said.prefetch_related("reactions").order_by("-number")[:LARGEST_PAGE])[::-1]
    return _serializer_for(request)(last, many=True, context={"request": request}).data


def _serializer_for(request: Request) -> type[MessageSerializer]:
    return MessageForVisitor if principal_of(request).is_visitor else MessageSerializer
