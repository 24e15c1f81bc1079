"""What Django and allauth say about signing in, written into the audit trail."""

from typing import Any

from allauth.account.signals import password_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from apps.accounts.audit import record_of_person
from apps.accounts.models import User


@receiver(user_logged_in)
def note_sign_in(user: User, **_: Any) -> None:
    record_of_person(user, "sign_in", after={"through": "browser"})


@receiver(user_logged_out)
def note_sign_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record_of_person(user, "sign_out", after={"through": "browser"})


@receiver(password_reset)
def note_reset(user: User, **_: Any) -> None:
    record_of_person(user, "reset_password")
