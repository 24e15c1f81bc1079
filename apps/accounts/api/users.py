"""/api/v1/users/: removing people, for superusers."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import IsPerson
from apps.accounts.removing import remove_people
from apps.api.errors import NotAllowed
from apps.api.serializers import StrictSerializer

MOST_AT_ONCE = 100


class PeopleToRemove(StrictSerializer):
    user_ids = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=MOST_AT_ONCE)


class KeptSerializer(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    code = serializers.CharField(help_text="user_not_found, superuser, oneself, last_owner, busy or kept_records.")
    message = serializers.CharField()


class RemovalSerializer(serializers.Serializer[Any]):
    removed = serializers.ListField(child=serializers.UUIDField())
    kept = KeptSerializer(many=True)


@extend_schema(tags=["users"])
class BulkDeleteView(APIView):
    """Remove people for good. Superusers and whoever asks are spared; the answer says who was removed and who was not."""

    permission_classes = [IsPerson]

    @extend_schema(request=PeopleToRemove, responses={200: RemovalSerializer}, operation_id="users_bulk_delete")
    def post(self, request: Request) -> Response:
        principal = principal_of(request)
        if not principal.is_superuser:
            raise NotAllowed("Only a superuser can remove people.")
        body = PeopleToRemove(data=request.data)
        body.is_valid(raise_exception=True)
        found = remove_people(principal, body.validated_data["user_ids"])
        kept = [
            {"user_id": str(user_id), "code": why.code, "message": why.message} for user_id, why in found.kept.items()
        ]
        return Response({"removed": [str(user_id) for user_id in found.removed], "kept": kept})
