"""The one way from a request to a principal, for REST, async views, pages and the AgentOS process.

A bearer that does not hold is refused; it never falls back to the cookie. A cookie needs the CSRF token as well.
Person, stamp, membership and key are read from their rows each time: who was suspended or demoted is out at once.
"""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.accounts.api_keys import KEY_START, find_api_key
from apps.accounts.models import Membership, User
from apps.accounts.principal import Principal, find_membership, principal_of_membership
from apps.accounts.tokens import read_access, user_of
from apps.accounts.visitors import find_visitor, visitor_token_of
from apps.api.errors import NotAllowed, NotSignedIn
from apps.api.views import csrf_error

TEAM_HEADER = "X-Opie-Team"
LONGEST_BEARER = 4096


@dataclass(frozen=True)
class SignedIn:
    """A principal, the row of its person, and whether a cookie (rather than a bearer) brought it."""

    principal: Principal
    user: User
    by_cookie: bool


def bearer_of(authorization: str | None) -> str | None:
    """The token of an Authorization header, or None when there is no header.

    Raises NotSignedIn for a header of any other kind: it must not be taken for a request that sent none.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > LONGEST_BEARER or not token.isascii():
        raise NotSignedIn("Send the token as `Authorization: Bearer <token>`.", code="token_invalid")
    return token


def principal_from_bearer(token: str, team_header: str | None = None) -> Principal:
    """The principal of an access token or API key.

    Raises NotSignedIn when it does not hold, and NotAllowed when `team_header` names (by id or slug) a team the
    person is not in, or another than the key's.
    """
    return _from_bearer(token, team_header).principal


def principal_from_session(request: HttpRequest) -> Principal:
    """The principal of the person signed in by cookie. Raises NotSignedIn, and NotAllowed as above.

    Django ends a session whose person was suspended or has a new stamp when it reads `request.user`. The CSRF token
    is the caller's to check: middleware does for pages, `sign_in_of` for the rest.
    """
    return _from_session(request).principal


def sign_in_of(request: HttpRequest, *, accepts_visitors: bool = False) -> SignedIn | None:
    """Who sends this request, by bearer or else by cookie with CSRF token; None when it carries neither.

    A visitor's token counts only where visitors are accepted; anywhere else it is answered like no token at all.
    """
    visitor_token = visitor_token_of(request.headers.get("Authorization"))
    if visitor_token is not None:
        if not accepts_visitors:
            raise NotSignedIn
        membership = find_visitor(visitor_token)
        return SignedIn(principal_of_membership(membership.user, membership), membership.user, by_cookie=False)
    token = bearer_of(request.headers.get("Authorization"))
    if token is not None:
        return _from_bearer(token, request.headers.get(TEAM_HEADER))
    if not request.user.is_authenticated:
        return None
    signed_in = _from_session(request)
    require_csrf_token(request)
    return signed_in


def _from_bearer(token: str, team_header: str | None) -> SignedIn:
    if token.startswith(KEY_START):
        return _from_api_key(token, team_header)
    claims = read_access(token)
    user = user_of(claims)
    if user is None:
        raise NotSignedIn("The access token is not valid any more. Sign in again.", code="token_invalid")
    membership = _chosen_membership(user, team_header, claims.team_id)
    return SignedIn(principal_of_membership(user, membership), user, by_cookie=False)


def _from_api_key(token: str, team_header: str | None) -> SignedIn:
    key = find_api_key(token)
    if team_header and team_header not in {str(key.team_id), key.team_slug}:
        raise NotAllowed(f"This API key belongs to another team than {TEAM_HEADER} names.")
    # The person's row is looked at by few: it is read when it is.
    user = SimpleLazyObject(lambda: User.objects.get(pk=key.principal.user_id))
    return SignedIn(key.principal, cast(User, user), by_cookie=False)


def _from_session(request: HttpRequest) -> SignedIn:
    user = request.user
    if isinstance(user, AnonymousUser) or not user.is_active or user.is_visitor:
        raise NotSignedIn
    membership = _chosen_membership(user, request.headers.get(TEAM_HEADER), None)
    return SignedIn(principal_of_membership(user, membership), user, by_cookie=True)


def _chosen_membership(user: User, team_header: str | None, team_id: UUID | None) -> Membership | None:
    if team_header:
        membership = Membership.objects.filter(user=user, **_team_named(team_header)).first()
        if membership is None:
            raise NotAllowed(f"You are not in the team that {TEAM_HEADER} names.")
        return membership
    if team_id is None:
        return find_membership(user)
    membership = Membership.objects.filter(user=user, team_id=team_id).first()
    if membership is None:
        raise NotSignedIn("You are not in that team any more. Sign in again.", code="token_invalid")
    return membership


def _team_named(text: str) -> dict[str, object]:
    try:
        return {"team_id": UUID(text)}
    except ValueError:
        return {"team__slug": text.replace("\x00", "")}


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponseForbidden:  # noqa: ARG002
        return HttpResponseForbidden(reason)


def _never_called(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def require_csrf_token(request: HttpRequest) -> None:
    """Refuses a request with a cookie that cannot prove it came from our own page. Raises NotAllowed (403)."""
    check = _CsrfCheck(_never_called)
    check.process_request(request)
    if check.process_view(request, _never_called, (), {}) is not None:
        raise csrf_error()


class PrincipalAuthentication(BaseAuthentication):
    """DRF's door: `request.user` is the person's row, `request.auth` the Principal. A view that takes visitors of
    widgets says `accepts_visitors = True`."""

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        django_request = request._request
        view = (request.parser_context or {}).get("view")
        signed_in = sign_in_of(django_request, accepts_visitors=getattr(view, "accepts_visitors", False))
        if signed_in is None:
            return None
        django_request.principal = signed_in.principal  # type: ignore[attr-defined]
        return signed_in.user, signed_in.principal

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Bearer"
