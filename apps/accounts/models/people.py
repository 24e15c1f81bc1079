"""A person who signs in by e-mail."""

import secrets
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
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
    """A person. `stamp` changes whenever what they may do shrinks: every token and session made before is void."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True, max_length=254)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True, help_text="Off: suspended. Every credential stops working at once.")
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

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.lower()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(raw_password)
        self.stamp = new_stamp()

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # With the stamp in it, Django itself ends the sessions that the stamp has made void.
        salt = "apps.accounts.models.User.session"
        return salted_hmac(salt, f"{self.password}:{self.stamp}", secret=secret, algorithm="sha256").hexdigest()
