"""A person who signs in by e-mail."""

import secrets
from collections.abc import Collection
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.api.ids import uuid7


def new_stamp() -> str:
    """Random text that no earlier token carries."""
    return secrets.token_urlsafe(16)


class UserManager(BaseUserManager["User"]):
    """Finds and makes people; an address is kept in lower case, so that it is unique whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person with that address. Raises ValueError without one; the password may be unusable (None)."""
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person who may use the admin. It gives no right inside any team."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await self.aget(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person.

    `stamp` changes when they are suspended, choose a new password, sign out everywhere or get another role: every
    access token and session made before is void. Saving a row that says so is enough, from any door.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True, max_length=254)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True, help_text="Off: suspended. Every credential stops working at once.")
    is_visitor = models.BooleanField(
        default=False,
        editable=False,
        help_text="Somebody on a page with a widget, whom nobody knows. May never sign in.",
    )
    is_staff = models.BooleanField(default=False, help_text="May open the admin.")
    stamp = models.CharField(max_length=32, default=new_stamp, editable=False)
    default_team = models.ForeignKey(
        "accounts.Team", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    _was_active = False
    _password: str | None

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
            # Whatever goes wrong elsewhere: nobody can sign in as a visitor, and none has rights of an operator.
            models.CheckConstraint(
                condition=models.Q(is_visitor=False)
                | models.Q(("password__startswith", UNUSABLE_PASSWORD_PREFIX), is_staff=False, is_superuser=False),
                name="user_visitor_cannot_sign_in",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any) -> Self:
        user = super().from_db(db, field_names, values, **kwargs)
        user._was_active = user.is_active if "is_active" in field_names else False
        return user

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.lower()
        # `_password` is set when somebody chose a new one, not when a stronger hash of the same one is stored.
        suspended = self._was_active and not self.is_active
        if not self._state.adding and (suspended or self._password is not None):
            self.stamp = new_stamp()
            self._end_refresh_tokens()
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "stamp"}
        super().save(*args, **kwargs)
        self._was_active = self.is_active

    def renew_stamp(self) -> None:
        """Voids access tokens and sessions: what the person may do has changed. They sign in or refresh again."""
        self.stamp = new_stamp()
        self.save(update_fields=["stamp"])

    def sign_out_everywhere(self) -> None:
        """Voids everything the person signed in with, refresh tokens too. API keys stay: they are revoked one by one."""
        self._end_refresh_tokens()
        self.renew_stamp()

    def _end_refresh_tokens(self) -> None:
        self.refresh_tokens.filter(revoked_at=None).update(revoked_at=timezone.now())

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # With the stamp in it, Django itself ends the sessions that the stamp has made void.
        salt = "apps.accounts.models.User.session"
        return salted_hmac(salt, f"{self.password}:{self.stamp}", secret=secret, algorithm="sha256").hexdigest()
