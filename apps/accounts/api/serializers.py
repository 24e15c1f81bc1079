"""What the calls about people take and answer."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from apps.accounts.models import ApiKey, Invitation, Membership, Role, Team, User
from apps.accounts.permissions import SCOPES
from apps.api.serializers import StrictModelSerializer, StrictSerializer

LONGEST_PASSWORD = 128


def validated_password(password: str, user: User) -> str:
    """The password, when the installation's rules allow it for that person. Raises DRF's ValidationError."""
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise serializers.ValidationError({"password": list(error.messages)}) from None
    return password


class PasswordField(serializers.CharField):
    """Text that is taken as it was typed, and never sent back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_PASSWORD, trim_whitespace=False, write_only=True, **kwargs)


class RegisterSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    password = PasswordField()
    team_name = serializers.CharField(max_length=120, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        validated_password(attrs["password"], User(email=attrs["email"]))
        return attrs


class LoginSerializer(StrictSerializer):
    email = serializers.CharField(max_length=254, required=False)
    username = serializers.CharField(max_length=254, required=False, help_text="The same as `email`.")
    password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("email" in attrs) == ("username" in attrs):
            raise serializers.ValidationError({"email": ["Send the e-mail address, as `email` or as `username`."]})
        return {"email": attrs.get("email") or attrs["username"], "password": attrs["password"]}


class TokenPairSerializer(StrictSerializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class RefreshSerializer(StrictSerializer):
    refresh = serializers.CharField(max_length=200)


class LogoutSerializer(StrictSerializer):
    refresh = serializers.CharField(max_length=200, required=False)
    everywhere = serializers.BooleanField(default=False)


class ResetSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254)


class ResetConfirmSerializer(StrictSerializer):
    uid = serializers.CharField(max_length=64, help_text="The part of the mailed link before the first dash.")
    token = serializers.CharField(max_length=200, help_text="The part after it.")
    password = PasswordField()


class DetailSerializer(StrictSerializer):
    detail = serializers.CharField()


class TeamSerializer(StrictModelSerializer):
    role = serializers.SerializerMethodField()

    class Meta:
        model = Team
        fields = ["id", "name", "slug", "role", "created_at"]
        read_only_fields = ["id", "slug", "created_at"]

    def get_role(self, team: Team) -> str:
        """The caller's own role in it."""
        return str(getattr(team, "my_role", Role.OWNER))


class MemberSerializer(StrictModelSerializer):
    user_id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Membership
        fields = ["user_id", "email", "name", "role", "read_team_sessions", "created_at"]
        read_only_fields = ["created_at"]


class InvitationSerializer(StrictModelSerializer):
    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "created_at", "expires_at", "accepted_at"]
        read_only_fields = ["id", "created_at", "expires_at", "accepted_at"]


class NewInvitationSerializer(InvitationSerializer):
    token = serializers.CharField(read_only=True, help_text="Shown once.")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "token"]


class AcceptSerializer(StrictSerializer):
    token = serializers.CharField(max_length=100)


class ApiKeySerializer(StrictModelSerializer):
    user_id = serializers.UUIDField(read_only=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), allow_empty=False, max_length=len(SCOPES)
    )

    class Meta:
        model = ApiKey
        fields = [
            *("id", "name", "prefix", "user_id", "scopes"),
            *("created_at", "expires_at", "revoked_at", "last_used_at"),
        ]
        read_only_fields = ["id", "prefix", "created_at", "revoked_at", "last_used_at"]


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(read_only=True, help_text="The key itself. Shown once.")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]
