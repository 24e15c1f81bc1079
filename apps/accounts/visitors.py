"""Visitors: people on somebody's page with a widget, whom nobody knows. A row as everybody's, and a token of their own.

Nobody can sign in as one: the token is sent as `Authorization: Visitor <token>` and counts only where a view says
`accepts_visitors`. It is void when it runs out, when the visitor is cleared, and when the stamp is renewed.
"""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction

from apps.accounts.models import Membership, Role, User
from apps.api.errors import NotSignedIn
from apps.api.ids import uuid7

SCHEME = "visitor"
LONGEST_TOKEN = 512
_DOMAIN = "@visitors.invalid"
_SALT = "opie.visitor"


@transaction.atomic
def make_visitor(team_id: UUID) -> Membership:
    """A new visitor of a team, with nothing but the right to talk to an agent."""
    user_id = uuid7()
    user = User(id=user_id, email=f"visitor-{user_id}{_DOMAIN}", is_visitor=True, default_team_id=team_id)
    user.set_unusable_password()
    user.save(force_insert=True)
    return Membership.objects.create(team_id=team_id, user=user, role=Role.VISITOR)


def token_for(visitor: User) -> str:
    """What the visitor's browser keeps, and shows with each request."""
    return signing.dumps({"visitor": str(visitor.pk), "stamp": visitor.stamp}, salt=_SALT)


def visitor_token_of(authorization: str | None) -> str | None:
    """The token of a header of this scheme; None for any other header, and for none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() if scheme.lower() == SCHEME else None


def find_visitor(token: str) -> Membership:
    """The visitor of a token. Raises NotSignedIn, always the same, for one that does not hold."""
    claims = _read(token)
    found = Membership.objects.select_related("user").filter(
        role=Role.VISITOR,
        user_id=claims["visitor"],
        user__stamp=claims["stamp"],
        user__is_visitor=True,
        user__is_active=True,
    )
    membership = found.first()
    if membership is None:
        raise _void()
    return membership


def is_visitors(email: str) -> bool:
    """Whether an address is one of those that visitors are given, which lead nowhere."""
    return email.strip().lower().endswith(_DOMAIN)


def _read(token: str) -> dict[str, str]:
    if len(token) > LONGEST_TOKEN:
        raise _void()
    try:
        claims = signing.loads(token, salt=_SALT, max_age=settings.OPIE_VISITOR_DAYS * 86_400)
        return {"visitor": str(UUID(claims["visitor"])), "stamp": str(claims["stamp"])}
    except (signing.BadSignature, ValueError, KeyError, TypeError, AttributeError):
        raise _void() from None


def _void() -> NotSignedIn:
    return NotSignedIn("This conversation cannot be gone on with. Start a new one.", code="token_invalid")
