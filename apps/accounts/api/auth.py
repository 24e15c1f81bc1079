"""/api/v1/auth/: registering, signing in and out, and getting back in after a password was forgotten."""

from allauth.account.adapter import get_adapter
from allauth.account.forms import ResetPasswordForm, UserTokenForm
from allauth.account.models import EmailAddress
from allauth.account.utils import setup_user_email
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.hashers import make_password
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.serializers import (
    DetailSerializer,
    LoginSerializer,
    LogoutSerializer,
    RefreshSerializer,
    RegisterSerializer,
    ResetConfirmSerializer,
    ResetSerializer,
    TokenPairSerializer,
    validated_password,
)
from apps.accounts.audit import record_of_person
from apps.accounts.authentication import bearer_of
from apps.accounts.models import SignInAttempt, User
from apps.accounts.permissions import IsPerson
from apps.accounts.registration import register
from apps.accounts.sign_in import note_attempt, sign_in
from apps.accounts.tokens import TokenPair, issue_pair, read_access, revoke_family, revoke_refresh, rotate_refresh
from apps.api.errors import Conflict, InvalidInput, NotSignedIn

_REGISTERED = "Check your mail, or sign in with the address and password you chose."
_RESET_SENT = "If that address has an account, a mail with a link is on its way."


class OpenView(APIView):
    """For who has no credential yet. One that is sent all the same is not looked at."""

    authentication_classes = []
    permission_classes = []


def _tokens(pair: TokenPair) -> Response:
    return Response({"access": pair.access, "refresh": pair.refresh})


class RegisterView(OpenView):
    @extend_schema(request=RegisterSerializer, responses={201: DetailSerializer}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Makes an account and a team of its own. Answers the same when the address has one: its owner gets a mail."""
        body = RegisterSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        email = body.validated_data["email"].lower()
        note_attempt(request._request, SignInAttempt.Action.REGISTER, email)
        try:
            user = register(email, body.validated_data["password"], body.validated_data.get("team_name"))
        except Conflict:
            make_password(body.validated_data["password"])  # takes the time that making an account takes
            get_adapter(request._request).send_account_already_exists_mail(email)
        else:
            _send_confirmation(request, user)
        return Response({"detail": _REGISTERED}, status=status.HTTP_201_CREATED)


def _send_confirmation(request: Request, user: User) -> None:
    address = setup_user_email(request._request, user, [])
    if address is not None:
        address.send_confirmation(request._request, signup=True)


class LoginView(OpenView):
    @extend_schema(request=LoginSerializer, responses=TokenPairSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """An access and a refresh token for an e-mail address and password."""
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = sign_in(request._request, body.validated_data["email"], body.validated_data["password"])
        if user is None or not _verified_enough(user):
            raise NotSignedIn("The e-mail address or the password is wrong.", code="wrong_credentials")
        record_of_person(user, "sign_in", after={"through": "rest"})
        return _tokens(issue_pair(user))


def _verified_enough(user: User) -> bool:
    if settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory":
        return True
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


class RefreshView(OpenView):
    @extend_schema(request=RefreshSerializer, responses=TokenPairSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """A new pair for a refresh token. Each is good once: a second use ends every token of that sign-in."""
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return _tokens(rotate_refresh(body.validated_data["refresh"]))


class LogoutView(APIView):
    permission_classes = [IsPerson]

    @extend_schema(request=LogoutSerializer, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Ends this sign-in at once, access token included; with `everywhere`, all of the person's."""
        body = LogoutSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = request.user
        if not isinstance(user, User):
            raise NotSignedIn
        token = bearer_of(request.headers.get("Authorization"))
        refresh = body.validated_data.pop("refresh", None)
        if refresh:
            revoke_refresh(refresh, user.pk)
        if token is not None:
            revoke_family(read_access(token).family)
        if body.validated_data["everywhere"]:
            user.sign_out_everywhere()
        if token is None:
            logout(request._request)  # audited as the browser's signing out is
        else:
            record_of_person(user, "sign_out", after={"through": "rest", **body.validated_data})
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordResetView(OpenView):
    @extend_schema(request=ResetSerializer, responses={202: DetailSerializer}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Mails a link to choose a new password. Answers the same whether the address has an account or not."""
        body = ResetSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        note_attempt(request._request, SignInAttempt.Action.RESET, body.validated_data["email"])
        form = ResetPasswordForm(data={"email": body.validated_data["email"]})
        if form.is_valid():
            form.save(request._request)
        return Response({"detail": _RESET_SENT}, status=status.HTTP_202_ACCEPTED)


class PasswordResetConfirmView(OpenView):
    @extend_schema(request=ResetConfirmSerializer, responses=DetailSerializer, tags=["auth"])
    def post(self, request: Request) -> Response:
        """A new password for who holds the mailed link. Ends everything signed in with the old one."""
        body = ResetConfirmSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        note_attempt(request._request, SignInAttempt.Action.RESET, body.validated_data["uid"])
        form = UserTokenForm(data={"uidb36": body.validated_data["uid"], "key": body.validated_data["token"]})
        if not form.is_valid() or not form.reset_user.is_active:
            raise InvalidInput(fields={"token": ["The link is used or has run out. Ask for a new one."]})
        user: User = form.reset_user
        with transaction.atomic():
            user.set_password(validated_password(body.validated_data["password"], user))
            user.save(update_fields=["password"])
            record_of_person(user, "reset_password")
        return Response({"detail": "The new password is set. Sign in with it."})
