"""API keys: `opie_<prefix>_<secret>`, shown once, found by prefix, compared by hash in constant time."""

import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import ApiKey, Role
from apps.accounts.permissions import SCOPES, grantable_scopes, permissions_of
from apps.accounts.principal import Principal
from apps.accounts.tokens import hash_secret
from apps.api.errors import InvalidInput, NotSignedIn
from apps.api.statements import prepared_cursor

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


@dataclass(frozen=True, slots=True)
class UsableKey:
    """A key that may be used now, with what its person may do in its team."""

    principal: Principal
    team_id: UUID
    team_slug: str


def find_api_key(key: str) -> UsableKey:
    """The key, its person and team, read in one statement. Raises NotSignedIn, always the same, for a key that is
    unknown, revoked or run out, and for a person who was suspended or has left the team."""
    shape = _SHAPE.fullmatch(key)
    found = _row_of(shape[1]) if shape else None
    # Compared even when nothing was found, so that time does not tell which prefixes exist.
    same = hmac.compare_digest(hash_secret(key), found.secret_hash if found else "0" * 64)
    if found is None or not same or not found.may_be_used:
        raise NotSignedIn("The API key is not valid. Check it, or make a new one.", code="key_invalid")
    _note_use(found)
    return UsableKey(found.principal(), found.team_id, found.team_slug)


# Every request of another system passes here: plain SQL costs a tenth of what building the same by ORM does.
_FIND = """
    SELECT k.id, k.secret_hash, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, k.team_id, t.slug,
           u.id, u.email, u.is_active, u.is_staff, u.is_superuser, u.stamp, m.role, m.read_team_sessions
    FROM accounts_apikey k
    JOIN accounts_team t ON t.id = k.team_id
    JOIN accounts_user u ON u.id = k.user_id
    LEFT JOIN accounts_membership m ON m.team_id = k.team_id AND m.user_id = k.user_id
    WHERE k.prefix = %s
"""


class _Row(NamedTuple):
    """The columns of `_FIND`."""

    key_id: UUID
    secret_hash: str
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    team_id: UUID
    team_slug: str
    user_id: UUID
    email: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    stamp: str
    role: str | None
    read_team_sessions: bool | None

    @property
    def may_be_used(self) -> bool:
        is_over = self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= timezone.now())
        return not is_over and self.is_active and self.role not in (None, Role.VISITOR)

    def principal(self) -> Principal:
        return Principal(
            user_id=self.user_id,
            email=self.email,
            team_id=self.team_id,
            role=self.role,
            permissions=permissions_of(self.role, read_team_sessions=bool(self.read_team_sessions)),
            scopes=frozenset(self.scopes),
            api_key_id=self.key_id,
            is_staff=self.is_staff,
            is_superuser=self.is_superuser,
            stamp=self.stamp,
        )


def _row_of(prefix: str) -> _Row | None:
    with prepared_cursor() as cursor:
        cursor.execute(_FIND, [prefix])
        columns = cursor.fetchone()
    return _Row(*columns) if columns else None


def _note_use(row: _Row) -> None:
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > _COARSE:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _COARSE)
        ApiKey.objects.filter(stale, pk=row.key_id).update(last_used_at=now)


def revoke_api_key(row: ApiKey) -> None:
    """Ends a key, from its next use on. Harmless when it has ended."""
    if row.revoked_at is None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
