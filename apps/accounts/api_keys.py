"""API keys: `opie_<prefix>_<secret>`, shown once, found by prefix, compared by hash in constant time."""

import hmac
import re
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import ApiKey, Team, User
from apps.accounts.permissions import SCOPES, grantable_scopes
from apps.accounts.principal import Principal
from apps.accounts.tokens import hash_secret
from apps.api.errors import InvalidInput, NotSignedIn

KEY_START = "opie_"
_PREFIX_LENGTH = 10
_ALPHABET = string.ascii_lowercase + string.digits
_SHAPE = re.compile(rf"opie_([a-z0-9]{{{_PREFIX_LENGTH}}})_([A-Za-z0-9_-]{{43}})", re.ASCII)
_COARSE = timedelta(minutes=5)


def create_api_key(
    principal: Principal, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """The row of a new key in the principal's team, and the key itself, which cannot be read again.

    Raises InvalidInput for a scope that does not exist or that the person does not hold, and for a moment gone by.
    """
    if principal.team_id is None:
        raise InvalidInput("A key belongs to a team. Create or join one first.")
    wanted = sorted(set(scopes))
    _refuse_scopes(principal, wanted)
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput(fields={"expires_at": ["Choose a moment in the future."]})
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(_PREFIX_LENGTH))
    key = f"{KEY_START}{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(
        team_id=principal.team_id,
        user_id=principal.user_id,
        name=name,
        prefix=prefix,
        secret_hash=hash_secret(key),
        scopes=wanted,
        expires_at=expires_at,
    )
    return row, key


def _refuse_scopes(principal: Principal, wanted: list[str]) -> None:
    if not wanted:
        raise InvalidInput(fields={"scopes": ["Choose at least one."]})
    grantable = grantable_scopes(principal.permissions)
    problems = [f"{scope} is not a scope." for scope in wanted if scope not in SCOPES]
    problems += [f"You do not hold {scope} yourself." for scope in wanted if scope in SCOPES and scope not in grantable]
    if problems:
        raise InvalidInput(fields={"scopes": problems})


def find_api_key(key: str) -> tuple[ApiKey, User, Team]:
    """The row of a key that may be used now, its person and team. Raises NotSignedIn otherwise, always the same."""
    shape = _SHAPE.fullmatch(key)
    row = ApiKey.objects.select_related("user", "team").filter(prefix=shape[1]).first() if shape else None
    # Compared even when nothing was found, so that time does not tell which prefixes exist.
    same = hmac.compare_digest(hash_secret(key), row.secret_hash if row else "0" * 64)
    if row is None or not same or not row.usable or not row.user.is_active:
        raise NotSignedIn("The API key is not valid. Check it, or make a new one.", code="key_invalid")
    _note_use(row)
    return row, row.user, row.team


def _note_use(row: ApiKey) -> None:
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > _COARSE:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _COARSE)
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def revoke_api_key(row: ApiKey) -> None:
    """Ends a key, from its next use on. Harmless when it has ended."""
    if row.revoked_at is None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
