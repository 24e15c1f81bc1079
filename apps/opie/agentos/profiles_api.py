"""/api/v1/agentos/memory-profiles/ and /api/v1/conversations/{id}/preferences/: what is known by the hosts' schemas.

The first is of the caller alone. A customer's is reached through a conversation that is verified for that customer, as
long as it is, and no other way, whatever the role.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotAllowed, NotFound
from apps.api.serializers import UNSTORABLE, is_unstorable
from apps.opie.agentos.conversations_api import HourlyThrottle
from apps.opie.agentos.memories_api import OwnMemories
from apps.opie.engine.profile_schemas import SCHEMAS, MemorySchema
from apps.opie.engine.profiles import Person, erase, memory_of, put
from apps.opie.engine.verifying import verification_of
from apps.opie.models import AgentOSSession


class ProfileBody(serializers.Serializer[Any]):
    """A profile as it is answered, for the API's description. `fields_schema` says as JSON Schema what there may be."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    known = serializers.JSONField()
    fields_schema = serializers.JSONField()


class ProfilesView(APIView):
    """What is known of the caller by each schema; forgetting all of it."""

    permission_classes = [OwnMemories]

    @extend_schema(responses={200: ProfileBody(many=True)}, operation_id="memory_profiles_list")
    def get(self, request: Request) -> Response:
        return Response([_as_json(principal_of(request), one) for one in SCHEMAS.values()])

    @extend_schema(responses={204: None}, operation_id="memory_profiles_forget")
    def delete(self, request: Request) -> Response:
        for name in SCHEMAS:
            erase(Person(principal_of(request)), name)
        return Response(status=204)


class ProfileView(APIView):
    """What is known of the caller by one schema. Lists are put in the old ones' place."""

    permission_classes = [OwnMemories]

    @extend_schema(responses={200: ProfileBody}, operation_id="memory_profile")
    def get(self, request: Request, name: str) -> Response:
        return Response(_as_json(principal_of(request), _schema(name)))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: ProfileBody}, operation_id="memory_profile_change")
    def patch(self, request: Request, name: str) -> Response:
        wanted = _schema(name)
        if changes := _object(request.data, "The body"):
            put(Person(principal_of(request)), name, changes)
        return Response(_as_json(principal_of(request), wanted))

    @extend_schema(responses={204: None}, operation_id="memory_profile_forget")
    def delete(self, request: Request, name: str) -> Response:
        erase(Person(principal_of(request)), _schema(name).name)
        return Response(status=204)


class PreferencesView(APIView):
    """What is known of the customer whom a conversation is verified for, by schema: `{"taste": {…}}`."""

    permission_classes = [OwnMemories]
    throttle_classes = [HourlyThrottle]

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="conversation_preferences")
    def get(self, request: Request, conversation_id: UUID) -> Response:
        whose, wanted = _verified(principal_of(request), conversation_id)
        return Response({one.name: _known(whose, one) for one in wanted})

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={200: OpenApiTypes.OBJECT},
        operation_id="conversation_preferences_change",
    )
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        whose, wanted = _verified(principal_of(request), conversation_id)
        changes = _object(request.data, "The body")
        unknown = sorted(changes.keys() - {one.name for one in wanted})
        if unknown:
            raise InvalidInput(fields={name: ["There is no such schema for this conversation."] for name in unknown})
        with transaction.atomic():
            for name, values in changes.items():
                put(whose, name, _object(values, name))
        return self.get(request, conversation_id)

    @extend_schema(responses={204: None}, operation_id="conversation_preferences_forget")
    def delete(self, request: Request, conversation_id: UUID) -> Response:
        whose, wanted = _verified(principal_of(request), conversation_id)
        for one in wanted:
            erase(whose, one.name)
        return Response(status=204)


def _verified(principal: Principal, session_id: UUID) -> tuple[Person, list[MemorySchema]]:
    """Raises NotFound for a conversation that is not the caller's, NotAllowed while nobody is verified in it."""
    if not AgentOSSession.objects.visible_to(principal).filter(pk=session_id).exists():
        raise NotFound("There is no such session.", code="session_not_found")
    kinds = {one.subject_kind for one in SCHEMAS.values() if one.subject_kind is not None}
    verified = {kind for kind in kinds if verification_of(session_id, kind).state == "verified"}
    wanted = [one for one in SCHEMAS.values() if one.subject_kind in verified]
    if not wanted:
        raise NotAllowed("Nobody is verified in this conversation. Say in it who you are, first.", code="not_verified")
    return Person(principal, session_id), wanted


def _schema(name: str) -> MemorySchema:
    if name not in SCHEMAS:
        raise NotFound("There is no such profile.", code="profile_not_found")
    return SCHEMAS[name]


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{what} is an object of the fields to change.")
    if wrong := {str(name): [UNSTORABLE] for name, one in value.items() if is_unstorable([name, one])}:
        raise InvalidInput(fields=wrong)
    return dict(value)


def _known(whose: Person, wanted: MemorySchema) -> dict[str, Any]:
    known: dict[str, Any] = memory_of(whose, wanted.name).model_dump(mode="json")
    return known


def _as_json(principal: Principal, wanted: MemorySchema) -> dict[str, Any]:
    known, fields = _known(Person(principal), wanted), wanted.schema.model_json_schema()
    return {"name": wanted.name, "label": wanted.label, "known": known, "fields_schema": fields}
