"""Who may do what: the one table of it, and the guards of REST views that ask it. docs/permissions.md shows it."""

import functools
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.accounts.models.teams import Role
from apps.api.errors import NotAllowed

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from apps.accounts.principal import Principal


class Permission(StrEnum):
    """Everything that is asked before something is done."""

    RUN_AGENTS = "run_agents"
    VIEW_AGENTS = "view_agents"
    MANAGE_AGENTS = "manage_agents"
    MANAGE_KNOWLEDGE = "manage_knowledge"
    MANAGE_PLATFORMS = "manage_platforms"
    MANAGE_BUDGETS = "manage_budgets"
    VIEW_METRICS = "view_metrics"
    MANAGE_TEAM = "manage_team"
    MANAGE_PLAN = "manage_plan"
    ANSWER_CUSTOMERS = "answer_customers"
    READ_TEAM_SESSIONS = "read_team_sessions"


class Reach(StrEnum):
    """How far a permission goes."""

    NO = "no"
    OWN = "own"
    YES = "yes"


_P = Permission
_ALL: dict[Permission, Reach] = {
    permission: Reach.YES for permission in Permission if permission is not _P.READ_TEAM_SESSIONS
}

# READ_TEAM_SESSIONS belongs to no role: it is granted on a membership, and each use is audited.
TABLE: Mapping[Role, Mapping[Permission, Reach]] = {
    Role.OWNER: _ALL,
    Role.ADMIN: {permission: reach for permission, reach in _ALL.items() if permission is not _P.MANAGE_PLAN},
    Role.MEMBER: {
        _P.RUN_AGENTS: Reach.YES,
        _P.VIEW_AGENTS: Reach.YES,
        _P.MANAGE_AGENTS: Reach.OWN,
        _P.MANAGE_KNOWLEDGE: Reach.OWN,
        _P.VIEW_METRICS: Reach.OWN,
    },
    Role.VIEWER: {_P.VIEW_AGENTS: Reach.YES, _P.VIEW_METRICS: Reach.YES},
    # Of a widget, with its agent alone; and only where a view says that it takes visitors (authentication.py).
    Role.VISITOR: {_P.RUN_AGENTS: Reach.YES},
}

NO_TEAM = "You are in no team. Ask an owner or admin of one to invite you, or make a team of your own."

VERIFY_CUSTOMERS = "verify_customers"
# Scopes that only a key can have, and the permission its person must hold for them.
KEY_ONLY_SCOPES: Mapping[str, Permission] = {VERIFY_CUSTOMERS: Permission.MANAGE_TEAM}
SCOPES: tuple[str, ...] = (*Permission, *KEY_ONLY_SCOPES)


def reach_of(role: str | None, permission: str) -> Reach:
    """How far that role's permission goes; NO for what is not in the table."""
    if role is None or role not in Role.values or permission not in list(Permission):
        return Reach.NO
    return TABLE[Role(role)].get(Permission(permission), Reach.NO)


@functools.cache
def permissions_of(role: str | None, *, read_team_sessions: bool = False) -> frozenset[str]:
    """The permissions a role has at all, its own things or everyone's, and what was granted on the membership."""
    held = {str(permission) for permission in Permission if reach_of(role, permission) is not Reach.NO}
    if role is not None and read_team_sessions:
        held.add(str(Permission.READ_TEAM_SESSIONS))
    return frozenset(held)


def grantable_scopes(permissions: frozenset[str]) -> frozenset[str]:
    """The scopes a person with those permissions may put on a key: never more than they hold themselves."""
    key_only = {scope for scope, needed in KEY_ONLY_SCOPES.items() if needed in permissions}
    return permissions | key_only


def signed_in(request: Request) -> "Principal | None":
    """The principal that PrincipalAuthentication found, or None."""
    from apps.accounts.principal import Principal

    return request.auth if isinstance(request.auth, Principal) else None


class IsSignedIn(BasePermission):
    """Somebody, whoever it is."""

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        return signed_in(request) is not None


class IsPerson(BasePermission):
    """A person, not a key: for what a stolen key must not be able to do, such as making more keys."""

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        principal = signed_in(request)
        return principal is not None and principal.api_key_id is None


class IsVisitor(BasePermission):
    """A visitor of a widget, where the view accepts any: for what they may do with what is theirs."""

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        principal = signed_in(request)
        return principal is not None and principal.is_visitor


class VisitorsRead(BasePermission):
    """Visitors may only read: what was said to them is the team's, too. Stands beside a guard for what everybody may do."""

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        principal = signed_in(request)
        return request.method in SAFE_METHODS or principal is None or not principal.is_visitor


def refusal_for(principal: "Principal") -> NotAllowed:
    """What to say to somebody who lacks a permission: without a team nobody has any."""
    return NotAllowed(NO_TEAM) if principal.team_id is None else NotAllowed()


class IsOperator(BasePermission):
    """A superuser in person, whatever their team and even without one: for what is the whole installation's."""

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        principal = signed_in(request)
        return principal is not None and principal.is_operator


def requires(permission: Permission, *, to_read: Permission | None = None) -> type[BasePermission]:
    """A guard that asks for that permission, and for `to_read` instead where nothing is changed. Who is in no team is told
    so; a guard that lets them in all the same stands before it: `IsOperator | requires(…)`."""

    class Requires(BasePermission):
        def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
            principal = signed_in(request)
            reading = to_read is not None and request.method in {"GET", "HEAD", "OPTIONS"}
            if principal is not None and principal.team_id is None:
                raise refusal_for(principal)
            return principal is not None and principal.may(to_read if reading and to_read else permission)

    Requires.__name__ = f"Requires_{permission}"
    return Requires
