"""/api/v1/api-keys/: keys for other systems. A key can be neither made nor ended with a key."""

from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.api.serializers import ApiKeySerializer, NewApiKeySerializer
from apps.accounts.api_keys import create_api_key
from apps.accounts.audit import record
from apps.accounts.models import ApiKey
from apps.accounts.permissions import IsPerson, Permission
from apps.accounts.principal import Principal
from apps.accounts.teams import end_key
from apps.api.errors import NotFound


def _visible(principal: Principal) -> QuerySet[ApiKey]:
    """A person's own keys in the team they act in; everyone's for who manages the team."""
    if principal.team_id is None:
        return ApiKey.objects.none()
    whose = Q() if principal.may(Permission.MANAGE_TEAM) else Q(user_id=principal.user_id)
    return ApiKey.objects.filter(whose, team_id=principal.team_id)


@extend_schema(tags=["api-keys"])
class ApiKeysView(generics.ListAPIView[ApiKey]):
    """The keys the caller may see in the team they act in."""

    permission_classes = [IsPerson]
    queryset = ApiKey.objects.none()
    serializer_class = ApiKeySerializer
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["name", "prefix"]
    ordering_fields = ["name", "created_at", "expires_at", "last_used_at"]
    ordering = ["-created_at", "-id"]

    def get_queryset(self) -> QuerySet[ApiKey]:
        if getattr(self, "swagger_fake_view", False):
            return ApiKey.objects.none()
        return _visible(principal_of(self.request))

    @extend_schema(request=ApiKeySerializer, responses={201: NewApiKeySerializer})
    def post(self, request: Request) -> Response:
        """Makes a key. It is in this answer, and nowhere afterwards."""
        principal = principal_of(request)
        body = ApiKeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with transaction.atomic():
            row, key = create_api_key(principal, **body.validated_data)
            record(principal, "create", row, after={"name": row.name, "scopes": row.scopes})
        return Response({**ApiKeySerializer(row).data, "key": key}, status=status.HTTP_201_CREATED)


class ApiKeyView(APIView):
    permission_classes = [IsPerson]

    @extend_schema(responses={204: None}, tags=["api-keys"])
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Ends a key, from its next use on. The row stays as a record."""
        principal = principal_of(request)
        row = _visible(principal).filter(pk=key_id).first()
        if row is None:
            raise NotFound
        end_key(principal, row)
        return Response(status=status.HTTP_204_NO_CONTENT)
