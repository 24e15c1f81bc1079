"""The demo user of a fresh installation, who owns the demo team and may open the admin."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from apps.accounts.models import Membership, Role, Team, User

TEAM_NAME, TEAM_SLUG = "Demo", "demo"


@dataclass(frozen=True)
class DemoLogin:
    """How to sign in as the demo user; without a password when it is not known here any more."""

    email: str
    password: str | None
    created: bool


def create_demo() -> DemoLogin:
    """Makes what is missing of demo user, team and ownership, and says how to sign in. Safe to repeat.

    The password is OPIE_DEMO_PASSWORD, or made once and kept in demo-login.json, readable by this user only. The
    password of a demo user who exists is left alone, unless OPIE_DEMO_PASSWORD says another one.
    """
    email = settings.OPIE_DEMO_EMAIL.lower()
    with transaction.atomic():
        user = User.objects.filter(email=email).first()
        created = user is None
        if user is None:
            password = settings.OPIE_DEMO_PASSWORD or _kept_password(email) or secrets.token_urlsafe(12)
            user = User.objects.create_superuser(email, password, name="Demo")
        elif settings.OPIE_DEMO_PASSWORD and not user.check_password(settings.OPIE_DEMO_PASSWORD):
            user.set_password(settings.OPIE_DEMO_PASSWORD)
            user.save(update_fields=["password"])
        _own_demo_team(user)
        EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
        if created and not settings.OPIE_DEMO_PASSWORD:
            _keep(email, password)
    return DemoLogin(email, _known_password(user), created)


def _own_demo_team(user: User) -> None:
    team, _ = Team.objects.get_or_create(slug=TEAM_SLUG, defaults={"name": TEAM_NAME})
    if not Membership.objects.filter(team=team, user=user).exists():
        Membership.objects.create(team=team, user=user, role=Role.OWNER)
    if user.default_team_id is None:
        user.default_team = team
        user.save(update_fields=["default_team"])


def _known_password(user: User) -> str | None:
    known = settings.OPIE_DEMO_PASSWORD or _kept_password(user.email)
    return known if known and user.check_password(known) else None


def _file() -> Path:
    return Path(settings.OPIE_DATA_DIR) / "demo-login.json"


def _kept_password(email: str) -> str | None:
    try:
        kept = json.loads(_file().read_text())
        return str(kept["password"]) if kept["email"] == email else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _keep(email: str, password: str) -> None:
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"email": email, "password": password}, file)
