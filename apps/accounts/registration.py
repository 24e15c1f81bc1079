"""Becoming a user: one way, for the browser (through allauth) and for REST."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest

from apps.accounts.audit import record_of_person
from apps.accounts.models import Membership, Role, User
from apps.accounts.sign_in import sign_in
from apps.accounts.teams import make_team
from apps.accounts.visitors import is_visitors
from apps.api.errors import Conflict, LimitExceeded


def register(email: str, password: str | None, team_name: str | None = None) -> User:
    """A new person, owner of a team of their own, all or nothing. Raises Conflict when the address is taken.

    The password has been validated by the caller; None makes one that no one can sign in with.
    """
    if is_visitors(email):
        raise Conflict("That address is set aside. Choose another.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password)
            team = make_team(team_name or f"{email.partition('@')[0]}'s team")
            Membership.objects.create(team=team, user=user, role=Role.OWNER)
            user.default_team = team
            user.save(update_fields=["default_team"])
            record_of_person(user, "register", after={"team": str(team.pk)})
            return user
    except IntegrityError:
        raise Conflict("That address is in use. Sign in, or reset the password.") from None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's pages over the same registration and the same throttle as REST."""

    def save_user(
        self,
        request: HttpRequest,  # noqa: ARG002
        user: AbstractBaseUser,  # noqa: ARG002
        form: BaseForm,
        commit: bool = True,  # noqa: ARG002
    ) -> AbstractBaseUser:
        data = form.cleaned_data
        return register(data["email"], data["password1"])

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Nothing is sent to visitors, a link for a new password least of all."""
        if not is_visitors(email):
            super().send_mail(template_prefix, email, context)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        try:
            return sign_in(request, credentials.get("email", ""), credentials.get("password", ""))
        except LimitExceeded:
            raise self.validation_error("too_many_login_attempts") from None
