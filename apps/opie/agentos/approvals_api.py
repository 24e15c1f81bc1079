"""/api/v1/agentos/approvals/: calls of tools that wait for a yes, and the yes or the no."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import Permission, requires
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.engine import approvals
from apps.opie.engine.continuing import continue_run
from apps.opie.models import AgentOSApproval
from apps.opie.models.approval_rules import ApprovalBy
from apps.opie.models.approvals import ApprovalStatus
from apps.opie.tools.registry import TOOLS


class ApprovalToGive(StrictSerializer):
    """The body of a yes. `arguments`, all of them, takes the place of what the model asked for."""

    arguments = serializers.DictField(required=False)


class ApprovalToRefuse(StrictSerializer):
    """The body of a no. The model is told `note`."""

    note = serializers.CharField(max_length=approvals.LONGEST_NOTE, required=False, allow_blank=True, default="")


class ApprovalRow(serializers.Serializer[AgentOSApproval]):
    """An approval as it is answered: `approval_as_json` makes it."""

    approval_id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    session_id = serializers.UUIDField(allow_null=True)
    agent_id = serializers.CharField(allow_null=True)
    asked_by = serializers.EmailField()
    tool_call_id = serializers.CharField()
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment] # DRF takes declared fields out of the class
    arguments = serializers.DictField()
    changed_arguments = serializers.DictField(allow_null=True)
    by = serializers.ChoiceField(choices=ApprovalBy.choices)
    may_decide = serializers.BooleanField()
    status = serializers.ChoiceField(choices=ApprovalStatus.choices)
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.EmailField(allow_null=True)

    def to_representation(self, instance: AgentOSApproval) -> dict[str, Any]:
        return approval_as_json(instance, principal_of(self.context["request"]))


def approval_as_json(approval: AgentOSApproval, principal: Principal) -> dict[str, Any]:
    """The approval as this person sees it. Needs run, agent, user and decided_by at hand."""
    tool = TOOLS.get(approval.tool_name)
    pending = approval.status == ApprovalStatus.PENDING
    return {
        "approval_id": str(approval.pk),
        "run_id": str(approval.run_id),
        "session_id": str(approval.run.session_id) if approval.run.session_id else None,
        "agent_id": approval.agent.agent_id if approval.agent else None,
        "asked_by": approval.user.email,
        "tool_call_id": approval.tool_call_id,
        "name": approval.tool_name,
        "label": tool.label if tool else approval.tool_name,
        "arguments": approval.arguments,
        "changed_arguments": approval.changed_arguments,
        "by": approval.by,
        "may_decide": pending and approvals.may_decide(principal, approval),
        "status": approval.status,
        "note": approval.note,
        "created_at": approval.created_at.isoformat(),
        "expires_at": approval.expires_at.isoformat(),
        "decided_at": approval.decided_at.isoformat() if approval.decided_at else None,
        "decided_by": approval.decided_by.email if approval.decided_by else None,
    }


class ApprovalsView(generics.ListAPIView[AgentOSApproval]):
    """What the caller may see, newest first: their own, and for managers those of the team that wait for a manager.
    ?status=, ?run_id=, ?session_id=."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]
    serializer_class = ApprovalRow
    queryset = AgentOSApproval.objects.none()

    @extend_schema(parameters=[OpenApiParameter("status", str), OpenApiParameter("run_id", str)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[AgentOSApproval]:
        asked = self.request.query_params
        found = AgentOSApproval.objects.visible_to(principal_of(self.request))
        if wanted := asked.get("status"):
            if wanted not in ApprovalStatus.values:
                raise InvalidInput(fields={"status": [f"Choose one of {', '.join(ApprovalStatus.values)}."]})
            found = found.filter(status=wanted)
        for name, column in (("run_id", "run"), ("session_id", "run__session")):
            if name in asked:
                found = found.filter(**{column: _identifier(name, asked[name])})
        return found.select_related("run", "agent", "user", "decided_by").order_by("-id")


class ApprovalView(APIView):
    """One approval."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]

    @extend_schema(responses={200: ApprovalRow})
    def get(self, request: Request, approval_id: UUID) -> Response:
        principal = principal_of(request)
        return Response(approval_as_json(approvals.find(principal, approval_id), principal))


class _DecisionView(PrincipalView):
    required = Permission.RUN_AGENTS

    async def decide(self, approval_id: UUID, answer: approvals.Answer, **what: Any) -> HttpResponseBase:
        decided = await rows.run(approvals.decide, self.principal, approval_id, answer, **what)
        if decided.is_last:
            await continue_run(decided.approval.run_id)
        return JsonResponse(approval_as_json(decided.approval, self.principal))


class ApprovalApproveView(_DecisionView):
    """Yes, with the arguments the model asked for or with others."""

    @extend_schema(request=ApprovalToGive, responses={200: ApprovalRow}, operation_id="agentos_approval_approve")
    async def post(self, request: HttpRequest, approval_id: UUID) -> HttpResponseBase:
        body = self.read_body(request, ApprovalToGive) if request.body else {}
        return await self.decide(approval_id, "approve", arguments=body.get("arguments"))


class ApprovalRejectView(_DecisionView):
    """No. The agent goes on without the call, and is told why."""

    @extend_schema(request=ApprovalToRefuse, responses={200: ApprovalRow}, operation_id="agentos_approval_reject")
    async def post(self, request: HttpRequest, approval_id: UUID) -> HttpResponseBase:
        body = self.read_body(request, ApprovalToRefuse) if request.body else {}
        return await self.decide(approval_id, "reject", note=body.get("note", ""))


def _identifier(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise InvalidInput(fields={name: ["Send an id."]}) from None
