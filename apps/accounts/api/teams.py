"""/api/v1/teams/ and /api/v1/invitations/: teams, who is in them, and who was asked to join."""

# ruff: noqa: ARG002 - a handler takes what its address names, and self.kwargs holds it too

from typing import Any
from uuid import UUID

from django.core.mail import send_mail
from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.accounts import teams
from apps.accounts.api.acting import principal_of
from apps.accounts.api.serializers import (
    AcceptSerializer,
    InvitationSerializer,
    MemberSerializer,
    NewInvitationSerializer,
    TeamSerializer,
)
from apps.accounts.models import Invitation, Membership, Team
from apps.accounts.permissions import IsPerson, IsSignedIn, Permission
from apps.accounts.principal import Principal
from apps.api.errors import NotFound


class _OfTeam(generics.GenericAPIView[Any]):
    """What lies under one team. Somebody else's team answers 404, like one that does not exist."""

    kwargs: dict[str, Any]

    @property
    def principal(self) -> Principal:
        """The caller, as they are in the team that the address names."""
        return teams.in_team(principal_of(self.request), self.kwargs["team_id"])

    def team(self) -> Team:
        try:
            return _mine(self.principal).get(pk=self.kwargs["team_id"])
        except Team.DoesNotExist:
            raise NotFound from None


def _mine(principal: Principal) -> QuerySet[Team]:
    found = Team.objects.of(principal.user_id).annotate(my_role=F("memberships__role"))
    if principal.api_key_id is None:
        return found
    return found.filter(pk=principal.team_id) if principal.team_id else found.none()


@extend_schema(tags=["teams"])
class TeamsView(generics.ListCreateAPIView[Team]):
    """The caller's teams."""

    queryset = Team.objects.none()
    serializer_class = TeamSerializer
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["name", "slug"]
    ordering_fields = ["name", "created_at"]
    ordering = ["name", "id"]

    def get_permissions(self) -> list[Any]:
        return [IsPerson() if self.request.method == "POST" else IsSignedIn()]

    def get_queryset(self) -> QuerySet[Team]:
        if getattr(self, "swagger_fake_view", False):
            return Team.objects.none()
        return _mine(principal_of(self.request))

    def perform_create(self, serializer: BaseSerializer[Team]) -> None:
        serializer.instance = teams.create_team(principal_of(self.request), serializer.validated_data["name"])


@extend_schema(tags=["teams"])
class TeamView(_OfTeam):
    """One team of the caller's."""

    serializer_class = TeamSerializer

    def get(self, request: Request, team_id: UUID) -> Response:
        return Response(TeamSerializer(self.team()).data)

    def patch(self, request: Request, team_id: UUID) -> Response:
        team = self.team()
        body = TeamSerializer(team, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        if "name" in body.validated_data:
            teams.rename_team(self.principal, team, body.validated_data["name"])
        return Response(TeamSerializer(team).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, team_id: UUID) -> Response:
        teams.delete_team(self.principal, self.team())
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["teams"])
class MembersView(_OfTeam):
    """The people of a team."""

    queryset = Membership.objects.none()
    serializer_class = MemberSerializer
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["user__email", "user__name"]
    ordering_fields = ["user__email", "role", "created_at"]
    ordering = ["created_at", "id"]

    @extend_schema(operation_id="teams_members_list", responses=MemberSerializer(many=True))
    def get(self, request: Request, team_id: UUID) -> Response:
        principal, team = self.principal, self.team()
        if principal.api_key_id is not None:  # colleagues see each other; a key needs the scope
            teams.require(principal, Permission.MANAGE_TEAM)
        found = Membership.objects.people().filter(team=team).select_related("user")
        page = self.paginate_queryset(self.filter_queryset(found))
        return self.get_paginated_response(MemberSerializer(page, many=True).data)


@extend_schema(tags=["teams"])
class MemberView(_OfTeam):
    """One person in a team."""

    serializer_class = MemberSerializer

    def patch(self, request: Request, team_id: UUID, user_id: UUID) -> Response:
        principal = self.principal
        membership = teams.find_member(team_id, user_id)
        body = MemberSerializer(membership, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changed = teams.change_membership(principal, membership, body.validated_data)
        return Response(MemberSerializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, team_id: UUID, user_id: UUID) -> Response:
        principal = self.principal
        teams.remove_member(principal, teams.find_member(team_id, user_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["teams"])
class InvitationsView(_OfTeam):
    """Who was asked to join a team."""

    queryset = Invitation.objects.none()
    serializer_class = InvitationSerializer
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["email"]
    ordering_fields = ["email", "created_at", "expires_at"]
    ordering = ["-created_at", "-id"]

    @extend_schema(operation_id="teams_invitations_list", responses=InvitationSerializer(many=True))
    def get(self, request: Request, team_id: UUID) -> Response:
        team = self.team()
        teams.require(self.principal, Permission.MANAGE_TEAM)
        page = self.paginate_queryset(self.filter_queryset(Invitation.objects.filter(team=team)))
        return self.get_paginated_response(InvitationSerializer(page, many=True).data)

    @extend_schema(responses={201: NewInvitationSerializer})
    def post(self, request: Request, team_id: UUID) -> Response:
        team = self.team()
        body = InvitationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row, token = teams.invite(self.principal, team, body.validated_data["email"], _role(body))
        _mail_invitation(row, team, token)
        return Response({**InvitationSerializer(row).data, "token": token}, status=status.HTTP_201_CREATED)


def _role(body: InvitationSerializer) -> str:
    default: str = Invitation._meta.get_field("role").default
    return str(body.validated_data.get("role", default))


def _mail_invitation(row: Invitation, team: Team, token: str) -> None:
    name = " ".join(team.name.split())
    text = (
        f"You are invited to join {name} as {row.role}.\n\n"
        f"Sign in with this address ({row.email}) and accept with this token, until {row.expires_at:%d %B %Y}:\n\n{token}\n"
    )
    send_mail(f"Join {name}", text, None, [row.email], fail_silently=True)


@extend_schema(tags=["teams"])
class InvitationView(_OfTeam):
    """One invitation."""

    serializer_class = InvitationSerializer

    @extend_schema(responses={204: None})
    def delete(self, request: Request, team_id: UUID, invitation_id: UUID) -> Response:
        principal = self.principal
        found = Invitation.objects.filter(team_id=team_id, pk=invitation_id, accepted_at=None).first()
        teams.require(principal, Permission.MANAGE_TEAM)
        if found is None:
            raise NotFound
        teams.revoke_invitation(principal, found)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AcceptInvitationView(APIView):
    permission_classes = [IsPerson]

    @extend_schema(request=AcceptSerializer, responses={201: MemberSerializer}, tags=["teams"])
    def post(self, request: Request) -> Response:
        """Joins the team that a mailed token invites the caller to."""
        body = AcceptSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        membership = teams.accept_invitation(principal_of(request), body.validated_data["token"])
        return Response(MemberSerializer(membership).data, status=status.HTTP_201_CREATED)
