"""/api/v1/messages/{id}/react/: what the reader thought of an answer."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.permissions import Permission, requires
from apps.api.serializers import StrictModelSerializer, StrictSerializer
from apps.opie.engine.reacting import react, take_back
from apps.opie.models import MessageReaction
from apps.opie.models.reactions import LONGEST_REASON, Reaction


class ReactionToKeep(StrictSerializer):
    reaction = serializers.ChoiceField(choices=Reaction.choices)
    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True, default="")


class ReactionSerializer(StrictModelSerializer):
    message_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = MessageReaction
        fields = ["message_id", "reaction", "reason", "updated_at"]
        read_only_fields = fields


class ReactView(APIView):
    """Keep one's reaction to an answer, or take it back."""

    permission_classes = [requires(Permission.VIEW_AGENTS)]

    @extend_schema(request=ReactionToKeep, responses={200: ReactionSerializer}, operation_id="message_react")
    def post(self, request: Request, message_id: UUID) -> Response:
        body = ReactionToKeep(data=request.data)
        body.is_valid(raise_exception=True)
        kept = react(principal_of(request), message_id, **body.validated_data)
        return Response(ReactionSerializer(kept).data)

    @extend_schema(responses={204: None}, operation_id="message_take_reaction_back")
    def delete(self, request: Request, message_id: UUID) -> Response:
        take_back(principal_of(request), message_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
