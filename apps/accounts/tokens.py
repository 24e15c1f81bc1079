"""Access tokens (JWT, minutes) and refresh tokens (opaque, days, used once). docs/adr/0001-tokens.md says why."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.accounts.key_material import derive_key
from apps.accounts.models import Membership, RefreshToken, User
from apps.api.errors import NotSignedIn
from apps.api.ids import uuid7

ALGORITHM = "HS256"
ISSUER = "opie"
AUDIENCE = "opie"
ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=14)
_REFRESH_PREFIX = "opier_"
_CLAIMS = ["sub", "sid", "stamp", "iat", "exp", "jti", "iss", "aud"]


@dataclass(frozen=True)
class AccessClaims:
    """What a verified access token says. The rows decide whether it still holds."""

    user_id: UUID
    team_id: UUID | None
    stamp: str
    family: UUID


@dataclass(frozen=True)
class TokenPair:
    """What signing in answers."""

    access: str
    refresh: str


def signing_keys() -> dict[str, bytes]:
    """Key id → key, the newest first; the first signs, all of them verify."""
    configured: list[str] = settings.OPIE_JWT_KEYS
    if configured:
        keys = [key.encode() for key in configured]
    else:
        keys = [derive_key(secret, "jwt") for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return {_key_id(key): key for key in keys}


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"opie key id:" + key).hexdigest()[:16]


def issue_access(user: User, family: UUID, team_id: UUID | None = None) -> str:
    """A token that speaks for the person for fifteen minutes, or until the family of refresh tokens it came with ends.

    It acts in that team, or with None in the person's default one.
    """
    key_id, key = next(iter(signing_keys().items()))
    now = datetime.now(UTC)
    claims = {
        "sub": str(user.pk),
        "sid": str(family),
        "team": str(team_id) if team_id else None,
        "stamp": user.stamp,
        "iat": now,
        "exp": now + ACCESS_LIFETIME,
        "jti": str(uuid7()),
        "iss": ISSUER,
        "aud": AUDIENCE,
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id})


def read_access(token: str) -> AccessClaims:
    """The claims of a token that we signed and that has not run out. Raises NotSignedIn for any other text."""
    try:
        key = signing_keys()[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token, key, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, options={"require": _CLAIMS}
        )
        team = claims.get("team")
        team_id = UUID(team) if team else None
        return AccessClaims(UUID(claims["sub"]), team_id, str(claims["stamp"]), UUID(claims["sid"]))
    except jwt.ExpiredSignatureError:
        raise NotSignedIn("The access token has expired. Refresh it, or sign in again.", code="token_expired") from None
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, AttributeError):
        raise NotSignedIn("The access token is not valid. Sign in again.", code="token_invalid") from None


def issue_pair(user: User, team_id: UUID | None = None) -> TokenPair:
    """A first access and refresh token, of a new family."""
    family = uuid7()
    return TokenPair(issue_access(user, family, team_id), _issue_refresh(user, team_id, family))


def _issue_refresh(user: User, team_id: UUID | None, family: UUID) -> str:
    token = _REFRESH_PREFIX + secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        family=family,
        token_hash=hash_secret(token),
        user=user,
        team_id=team_id,
        expires_at=timezone.now() + REFRESH_LIFETIME,
    )
    return token


def hash_secret(secret: str) -> str:
    """The hash kept of a secret of 256 random bits: fast is right, there is nothing to guess."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def rotate_refresh(token: str) -> TokenPair:
    """A new pair for a refresh token, which is used up by it.

    Raises NotSignedIn when it is unknown, run out or revoked, when the person is suspended or out of the team; and
    when it was used before, which also revokes every token that came from the same signing in: somebody has a copy.
    """
    pair = _rotate(token)
    if pair is None:  # raised out here: raising inside would roll the revocation back
        raise NotSignedIn("The refresh token is not valid any more. Sign in again.", code="token_invalid")
    return pair


@transaction.atomic
def _rotate(token: str) -> TokenPair | None:
    row = (
        RefreshToken.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(token_hash=hash_secret(token))
        .first()
    )
    if row is None:
        return None
    if row.used_at is not None:
        revoke_family(row.family)
        return None
    if row.revoked_at is not None or row.expires_at <= timezone.now() or not row.user.is_active:
        return None
    if row.team_id is not None and not Membership.objects.filter(user=row.user, team_id=row.team_id).exists():
        return None
    row.used_at = timezone.now()
    row.save(update_fields=["used_at"])
    access = issue_access(row.user, row.family, row.team_id)
    return TokenPair(access, _issue_refresh(row.user, row.team_id, row.family))


def revoke_family(family: UUID) -> None:
    """Ends every refresh token that came from one signing in."""
    RefreshToken.objects.filter(family=family, revoked_at=None).update(revoked_at=timezone.now())


def user_of(claims: AccessClaims) -> User | None:
    """The person a token speaks for, unless they are suspended, their stamp has changed or they signed out of it."""
    family = RefreshToken.objects.filter(family=claims.family, user_id=OuterRef("pk"), revoked_at=None)
    return User.objects.filter(
        Exists(family), pk=claims.user_id, is_active=True, is_visitor=False, stamp=claims.stamp
    ).first()


def revoke_refresh(token: str, user_id: UUID) -> None:
    """Ends the family of a person's refresh token. Says nothing about a token that is not theirs."""
    row = RefreshToken.objects.filter(token_hash=hash_secret(token), user_id=user_id).first()
    if row is not None:
        revoke_family(row.family)
