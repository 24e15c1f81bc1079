"""Who may do what in AgentOS: the identity that the gate hands on, and the answers to what Agno asks.

The gate has verified the caller. It gives Agno a token of its own, signed with a secret that lives and dies with
this process, and puts the principal where DjangoDb and the provider find it. No caller can make such a token.
"""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import jwt
from agno.os.authz import Authorization
from agno.os.authz.provider import AuthorizationContext, AuthorizationProvider

from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.opie import rows
from apps.opie.agentos.acting import acting_principal
from apps.opie.models import Agent

ALGORITHM = "HS256"
AUDIENCE = ISSUER = "opie-agentos"
SECONDS_VALID = 60

# Agno's actions and scope suffixes, and what a person needs for them here.
_PERMISSION_FOR = {
    "read": Permission.VIEW_AGENTS,
    "run": Permission.RUN_AGENTS,
    "write": Permission.RUN_AGENTS,
    "delete": Permission.RUN_AGENTS,
}
# What a caller may reach at all; the gate's list is narrower still.
_FAMILIES = frozenset({"agents", "teams", "sessions", "memories"})
# An empty answer means to Agno that listing is forbidden, not that there is nothing to list.
_NOTHING = ""


@dataclass
class InnerTokens:
    """Tokens between the gate and AgentOS in one process."""

    secret: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def for_principal(self, principal: Principal) -> str:
        now = int(time.time())
        claims = {
            "sub": str(principal.user_id),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + SECONDS_VALID,
            "jti": secrets.token_urlsafe(8),
            "scopes": [],
        }
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM)

    def authorization(self) -> Authorization:
        """What AgentOS verifies callers with."""
        return Authorization(
            verification_keys=[self.secret],
            algorithm=ALGORITHM,
            verify_audience=True,
            audience=AUDIENCE,
            issuer=ISSUER,
            authorization_provider=PrincipalProvider(),
        )


class PrincipalProvider(AuthorizationProvider):
    """Answers from the principal that the gate has set for this request."""

    enforces_token_scopes = False

    def check(self, ctx: AuthorizationContext) -> bool:
        """Only what needs no rows; AgentOS's routes ask the async form."""
        return ctx.resource_type in _FAMILIES and ctx.resource_id is None and _may(ctx, ctx.action)

    def accessible_resource_ids(self, ctx: AuthorizationContext) -> set[str]:
        raise NotImplementedError("Ask aaccessible_resource_ids: rows are read for the answer.")

    def authorize_route(self, ctx: AuthorizationContext, required_scopes: list[str]) -> bool:
        """Every scope a route asks for must be of a family that is let in, and held. A route that asks for none is
        one that Agno leaves open, which here nothing is."""
        if not required_scopes:
            return False
        return all(_holds(ctx, scope) for scope in required_scopes)

    async def acheck(self, ctx: AuthorizationContext) -> bool:
        if ctx.resource_id is None:
            return self.check(ctx)
        if ctx.resource_type not in ("agents", "teams") or not _may(ctx, ctx.action):
            return False
        return ctx.resource_id in await self.aaccessible_resource_ids(ctx)

    async def aaccessible_resource_ids(self, ctx: AuthorizationContext) -> set[str]:
        principal = _principal(ctx)
        if principal is None or ctx.resource_type not in ("agents", "teams"):
            return set()
        served = await rows.run(_served_ids, principal, ctx.resource_id)
        return {_NOTHING, *served}

    async def aauthorize_route(self, ctx: AuthorizationContext, required_scopes: list[str]) -> bool:
        return self.authorize_route(ctx, required_scopes)

    async def arequire(self, ctx: AuthorizationContext) -> None:
        if not await self.acheck(ctx):
            raise PermissionError("Access denied")

    async def afilter_accessible(self, ctx: AuthorizationContext, resources: list[Any]) -> list[Any]:
        served = await self.aaccessible_resource_ids(ctx)
        return [one for one in resources if getattr(one, "id", None) in served]


def _served_ids(principal: Principal, agent_id: str | None) -> Iterable[str]:
    served = Agent.objects.served_to(principal)
    if agent_id is not None:
        served = served.filter(agent_id=agent_id)
    return list(served.values_list("agent_id", flat=True))


def _principal(ctx: AuthorizationContext) -> Principal | None:
    """Who acts, if Agno's verified identity is theirs too."""
    principal = acting_principal.get()
    return principal if principal is not None and ctx.principal_id == str(principal.user_id) else None


def _may(ctx: AuthorizationContext, action: str | None) -> bool:
    principal, permission = _principal(ctx), _PERMISSION_FOR.get(action or "")
    return principal is not None and permission is not None and principal.may(permission)


def _holds(ctx: AuthorizationContext, scope: str) -> bool:
    family, _, action = scope.partition(":")
    return family in _FAMILIES and _may(ctx, action)
