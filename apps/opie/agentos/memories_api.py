"""/api/v1/agentos/memories/: what agents remember about the caller, who may see, change and forget all of it.

Only one's own: somebody else's reads like one that is not there, whatever the role.
"""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import Permission, signed_in
from apps.api.errors import InvalidInput, NotFound
from apps.api.serializers import StrictSerializer
from apps.opie.agentos.memory_rows import LONGEST_TOPIC, MOST_CHARACTERS, MOST_TOPICS
from apps.opie.models import Agent, AgentOSMemory

BY_AGENT = OpenApiParameter("agent_id", str, description="Only what this agent remembers.")
BY_WORDS = OpenApiParameter("search", str, description="Only what contains these words.")


class OwnMemories(BasePermission):
    """Who may run agents changes what they remember. Forgetting is open to every person, even one who may run agents
    no more: it is about them. A key needs the scope for it."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        principal = signed_in(request)
        if principal is None:
            return False
        forgetting = request.method == "DELETE" and principal.api_key_id is None
        reading = request.method in {"GET", "HEAD", "OPTIONS"}
        return principal.may(Permission.VIEW_AGENTS if reading or forgetting else Permission.RUN_AGENTS)


class MemoryChange(StrictSerializer):
    """What can be changed of a memory."""

    memory = serializers.CharField(max_length=MOST_CHARACTERS, required=False)
    topics = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TOPIC), max_length=MOST_TOPICS, required=False
    )


class MemoryToKeep(MemoryChange):
    """The body of a new memory: what is to be remembered, and by which agent."""

    memory = serializers.CharField(max_length=MOST_CHARACTERS)
    agent_id = serializers.CharField(max_length=64)


class MemoryBody(serializers.Serializer[Any]):
    """A memory as it is answered, for the API's description."""

    memory_id = serializers.UUIDField()
    agent_id = serializers.CharField(allow_null=True)
    memory = serializers.CharField()
    topics = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def own_memories(request: Request) -> QuerySet[AgentOSMemory]:
    return AgentOSMemory.objects.visible_to(principal_of(request)).select_related("agent")


class MemoriesView(generics.ListAPIView[AgentOSMemory]):
    """What is remembered about this caller, newest first: ?agent_id=, ?search=. Adding to it; forgetting all of it."""

    permission_classes = [OwnMemories]
    serializer_class = MemoryBody
    queryset = AgentOSMemory.objects.none()

    def get_queryset(self) -> QuerySet[AgentOSMemory]:
        asked = self.request.query_params
        memories = self._of_agent()
        if words := asked.get("search", ""):
            memories = memories.filter(memory__icontains=words)
        return memories.order_by("-updated_at", "-id")

    @extend_schema(parameters=[BY_AGENT, BY_WORDS], responses={200: MemoryBody(many=True)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=MemoryToKeep, responses={201: MemoryBody})
    def post(self, request: Request) -> Response:
        body = MemoryToKeep(data=request.data)
        body.is_valid(raise_exception=True)
        principal, wanted = principal_of(request), dict(body.validated_data)
        agent = Agent.objects.visible_to(principal).filter(agent_id=wanted.pop("agent_id")).first()
        if agent is None:
            raise InvalidInput(fields={"agent_id": ["There is no agent of this id."]})
        memory = AgentOSMemory.objects.create(
            user_id=principal.user_id, team_id=principal.acting_team, agent=agent, **wanted
        )
        return Response(MemoryBody(as_json(memory)).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[BY_AGENT], responses={200: OpenApiTypes.OBJECT}, operation_id="agentos_memories_forget")
    def delete(self, request: Request) -> Response:  # noqa: ARG002
        """Forget what one agent remembers, or everything where none is named; answers how many memories that were."""
        forgotten, _ = self._of_agent().delete()
        return Response({"forgotten": forgotten})

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        return [as_json(memory) for memory in super().paginate_queryset(queryset) or []]

    def _of_agent(self) -> QuerySet[AgentOSMemory]:
        agent_id = self.request.query_params.get("agent_id")
        memories = own_memories(self.request)
        return memories if agent_id is None else memories.filter(agent__agent_id=agent_id)


class MemoryView(APIView):
    """One memory of the caller's."""

    permission_classes = [OwnMemories]

    @extend_schema(responses={200: MemoryBody})
    def get(self, request: Request, memory_id: UUID) -> Response:
        return Response(MemoryBody(as_json(self._memory(request, memory_id))).data)

    @extend_schema(request=MemoryChange, responses={200: MemoryBody})
    def patch(self, request: Request, memory_id: UUID) -> Response:
        body = MemoryChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        # One update of what is there: what was forgotten meanwhile does not come back.
        own_memories(request).filter(pk=memory_id).update(**body.validated_data, updated_at=timezone.now())
        return self.get(request, memory_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, memory_id: UUID) -> Response:
        self._memory(request, memory_id).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _memory(self, request: Request, memory_id: UUID) -> AgentOSMemory:
        memory = own_memories(request).filter(pk=memory_id).first()
        if memory is None:
            raise NotFound("There is no such memory.", code="memory_not_found")
        return memory


def as_json(memory: AgentOSMemory) -> dict[str, Any]:
    """A memory as the REST API answers it."""
    return {
        "memory_id": memory.pk,
        "agent_id": memory.agent.agent_id if memory.agent else None,
        "memory": memory.memory,
        "topics": list(memory.topics),
        "created_at": memory.created_at,
        "updated_at": memory.updated_at,
    }
