"""/api/v1/agentos/: parse, authorise, one service call.

What only reads or writes rows is DRF; what waits for a model or streams is async (DRF has no async views) and goes
through the same authentication, serializers and errors.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission, requires
from apps.api.errors import Conflict, InvalidInput, NotFound
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.agentos.health import snapshot
from apps.opie.agentos.narrowing import narrowed
from apps.opie.agentos.serializers import (
    Answer,
    BranchToMake,
    MessageSerializer,
    MessageToSend,
    SessionSerializer,
    SessionToCreate,
)
from apps.opie.agentos.service import ATTEMPTS, AgentOSService, checked_message
from apps.opie.engine import taking_over
from apps.opie.engine.branches import branch_off, show_branch
from apps.opie.engine.opening import Ask
from apps.opie.engine.outcome import result_of_run
from apps.opie.models import AgentOSMessage, AgentOSSession
from apps.opie.models.messages import AgentOSMessageQuerySet
from apps.opie.models.runs import RunStatus
from apps.opie.models.sessions import AgentOSSessionQuerySet

EVENT_STREAM = "text/event-stream"
LARGEST_MESSAGE_BODY = 512 * 1024
STREAMED = OpenApiResponse(
    description="With stream: server-sent events; the last one carries this object.", response=Answer
)


class AgentOSAPIView(APIView):
    """The API and the running instance."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        return Response(snapshot().as_json(principal_of(request)) | {"calls": CALLS})


class AgentListView(APIView):
    """Agents this caller may use."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="agentos_agents")
    def get(self, request: Request) -> Response:
        return Response({"results": AgentOSService(principal_of(request)).get_available_agents()})


class CreateSessionView(APIView):
    """A new session with an agent."""

    permission_classes = [requires(Permission.RUN_AGENTS)]

    @extend_schema(request=SessionToCreate, responses={201: SessionSerializer})
    def post(self, request: Request) -> Response:
        body = SessionToCreate(data=request.data)
        body.is_valid(raise_exception=True)
        session = AgentOSService(principal_of(request)).create_session(**body.validated_data)
        return Response(SessionSerializer(session).data, status=status.HTTP_201_CREATED)


class SessionListView(generics.ListAPIView[AgentOSSession]):
    """This caller's sessions: ?search= in titles and messages, ?agent_id=, ?is_archived=, ?from=, ?to=, ?ordering=."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]
    serializer_class = SessionSerializer
    queryset = AgentOSSession.objects.none()
    orderings: ClassVar = {"updated_at", "created_at", "title", "last_message_at"}

    def get_queryset(self) -> QuerySet[AgentOSSession]:
        asked = self.request.query_params
        sessions = narrowed(own_sessions(self.request), asked)
        return sessions.order_by(self._ordering(asked.get("ordering", "-updated_at")), "-id")

    def _ordering(self, wanted: str) -> str:
        if wanted.removeprefix("-") not in self.orderings:
            raise InvalidInput(fields={"ordering": [f"Choose one of {', '.join(sorted(self.orderings))}."]})
        return wanted


class SessionDetailView(generics.RetrieveUpdateDestroyAPIView[AgentOSSession]):
    """One session: read, rename or archive, delete with all that was said in it."""

    permission_classes = [requires(Permission.RUN_AGENTS, to_read=Permission.VIEW_AGENTS)]
    serializer_class = SessionSerializer
    queryset = AgentOSSession.objects.none()
    lookup_url_kwarg = "session_id"
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def get_queryset(self) -> QuerySet[AgentOSSession]:
        return own_sessions(self.request)

    def perform_update(self, serializer: BaseSerializer[AgentOSSession]) -> None:
        head = serializer.validated_data.pop("head_id", None)
        if head is not None and serializer.instance is not None:
            show_branch(serializer.instance, head)
        serializer.save()

    def perform_destroy(self, instance: AgentOSSession) -> None:
        """Raises Conflict while an answer is being written: its money would have nobody to belong to."""
        if instance.runs.live().exists():
            raise Conflict("An answer is being written in this session. Stop it first.", code="session_busy")
        instance.delete()


class SessionPersonView(APIView):
    """POST: a person of the team is to answer, and those who may can read this session until it is handed back. DELETE:
    the agent answers, and nobody of the team can read it any more."""

    permission_classes = [requires(Permission.RUN_AGENTS)]

    @extend_schema(request=None, responses={200: SessionSerializer}, operation_id="agentos_ask_for_person")
    def post(self, request: Request, session_id: UUID) -> Response:
        return Response(SessionSerializer(taking_over.ask_for_person(principal_of(request), session_id)).data)

    @extend_schema(responses={200: SessionSerializer}, operation_id="agentos_withdraw_person")
    def delete(self, request: Request, session_id: UUID) -> Response:
        return Response(SessionSerializer(taking_over.withdraw_person(principal_of(request), session_id)).data)


class BranchSessionView(APIView):
    """A new session that begins with what was said up to a message."""

    permission_classes = [requires(Permission.RUN_AGENTS)]
    serializer_class = SessionSerializer

    @extend_schema(request=BranchToMake, responses={201: SessionSerializer})
    def post(self, request: Request, session_id: UUID) -> Response:
        body = BranchToMake(data=request.data)
        body.is_valid(raise_exception=True)
        made = branch_off(principal_of(request), session_id, body.validated_data["message_id"])
        return Response(self.serializer_class(made).data, status=status.HTTP_201_CREATED)


class SessionMessagesView(generics.ListAPIView[AgentOSMessage]):
    """What was said in a session, in order: in the branch that is shown, or in all with ?branch=all."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]
    serializer_class = MessageSerializer
    queryset = AgentOSMessage.objects.none()

    def get_queryset(self) -> AgentOSMessageQuerySet:
        session = own_sessions(self.request).filter(pk=self.kwargs["session_id"]).first()
        if session is None:
            raise NotFound("There is no such session.", code="session_not_found")
        messages = AgentOSMessage.objects.filter(session=session)
        branch = self.request.query_params.get("branch", "")
        if branch not in ("", "all"):
            raise InvalidInput(fields={"branch": ["Say all, or leave it out for the branch that is shown."]})
        if not branch:
            messages = messages.in_branch(session.head_id)
        return messages.select_related("agent").prefetch_related("reactions").order_by("number")


class SendMessageView(PrincipalView):
    """A message in, an answer out: as JSON, or as server-sent events."""

    required = Permission.RUN_AGENTS
    largest_body = LARGEST_MESSAGE_BODY

    @extend_schema(request=MessageToSend, responses={200: STREAMED}, operation_id="agentos_send_message")
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        body = self.read_body(request, MessageToSend)
        turn = await AgentOSService(self.principal).ask(body["agent_id"], _ask_of(body))
        if body["background"] and not turn.opened.is_for_person:
            result = await rows.run(result_of_run, turn.run_id)
            return JsonResponse(result.as_json(), status=status.HTTP_202_ACCEPTED)
        if body["stream"] or EVENT_STREAM in request.headers.get("Accept", ""):
            return sse.response(self.principal, turn.events(), turn.session_id)
        result = await turn.result()
        result.raise_for_failure()
        waits = result.status == RunStatus.WAITING
        return JsonResponse(result.as_json(), status=status.HTTP_202_ACCEPTED if waits else status.HTTP_200_OK)


def _ask_of(body: dict[str, Any]) -> Ask:
    return Ask(
        text=checked_message(body["message"]) if "message" in body else "",
        session_id=body.get("session_id"),
        regenerate_of=body.get("regenerate_of"),
        edit_of=body.get("edit_of"),
        in_background=body["background"],
        most_attempts=ATTEMPTS if body["background"] else 1,
    )


def own_sessions(request: Request) -> AgentOSSessionQuerySet:
    return AgentOSSession.objects.visible_to(principal_of(request)).select_related("agent", "taken_over_by")


CALLS: dict[str, Any] = {
    "GET /api/v1/agentos/agents/": "agents this caller may use",
    "POST /api/v1/agentos/create-session/": "a session",
    "GET /api/v1/agentos/sessions/": "this caller's sessions",
    "POST /api/v1/agentos/sessions/{session_id}/person/": "a person of the team is to answer; DELETE takes it back",
    "POST /api/v1/agentos/send-message/": "an answer, as JSON or as server-sent events",
    "GET /api/v1/agentos/runs/": "this caller's runs",
    "POST /api/v1/agentos/runs/": "an agent's task without a session, in the background unless told otherwise",
    "GET /api/v1/agentos/runs/{run_id}/": "one run; ?wait=30 for its end",
    "GET /api/v1/agentos/runs/{run_id}/events/": "a run's events",
    "POST /api/v1/agentos/runs/{run_id}/cancel/": "stop a run",
    "GET /api/v1/agentos/schedules/": "this caller's schedules",
    "GET /api/v1/agentos/memories/": "what agents remember about this caller",
}
