"""When a tool waits for a person's yes: the rule, as code says it of a tool and as JSON says it of an agent's tools."""

from dataclasses import dataclass
from typing import Any

from django.db import models

from apps.accounts.models import PEOPLES_ROLES

DAY = 24 * 60 * 60
SOONEST_EXPIRY = 60
LATEST_EXPIRY = 30 * DAY


class ApprovalBy(models.TextChoices):
    """Who may say yes."""

    PERSON = "person", "Whoever asked the agent"
    MANAGER = "manager", "Somebody who manages the team's agents"


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """A call of the tool waits for `by`. `roles` are those it waits for, empty for everybody; `expires_in` is the
    seconds after which nobody's answer counts as a no."""

    by: ApprovalBy = ApprovalBy.PERSON
    roles: frozenset[str] = frozenset()
    expires_in: int = DAY

    def concerns(self, role: str | None) -> bool:
        """Whether somebody of that role needs a yes. Without a role nobody is excepted."""
        return not self.roles or role is None or role in self.roles

    def and_also(self, other: "ApprovalRule") -> "ApprovalRule":
        """Both at once, where both concern the person: the stricter of who may say yes, and the sooner expiry."""
        by = ApprovalBy.MANAGER if ApprovalBy.MANAGER in (self.by, other.by) else ApprovalBy.PERSON
        return ApprovalRule(by, frozenset(), min(self.expires_in, other.expires_in))

    def as_json(self) -> dict[str, Any]:
        return {"by": str(self.by), "roles": sorted(self.roles), "expires_in": self.expires_in}


class UnreadableRules(ValueError):  # noqa: N818 - it reads as what happened
    """Rules that are not of the shape `{tool: {"by"?, "roles"?, "expires_in"?}}`; the text says what is wrong."""


def read_rules(value: Any) -> dict[str, ApprovalRule]:
    """An agent's rules by name of the tool. Raises UnreadableRules."""
    if not isinstance(value, dict):
        raise UnreadableRules("Write an object with a rule for each tool.")
    return {name: _read_rule(name, rule) for name, rule in value.items()}


def _read_rule(name: str, rule: Any) -> ApprovalRule:
    if not isinstance(rule, dict) or not rule.keys() <= {"by", "roles", "expires_in"}:
        raise UnreadableRules(
            f"{name}: a rule is an object with by, roles and expires_in, each of which may be left out."
        )
    by, roles, expires_in = rule.get("by", ApprovalBy.PERSON), rule.get("roles", []), rule.get("expires_in", DAY)
    if by not in ApprovalBy.values:
        raise UnreadableRules(f"{name}: by is one of {', '.join(ApprovalBy.values)}.")
    known = [role for role, _ in PEOPLES_ROLES]
    if not isinstance(roles, list) or not all(role in known for role in roles):
        raise UnreadableRules(f"{name}: roles is a list of {', '.join(known)}.")
    whole = isinstance(expires_in, int) and not isinstance(expires_in, bool)
    if not whole or not SOONEST_EXPIRY <= expires_in <= LATEST_EXPIRY:
        raise UnreadableRules(f"{name}: expires_in is a number of seconds from {SOONEST_EXPIRY} to {LATEST_EXPIRY}.")
    return ApprovalRule(ApprovalBy(by), frozenset(roles), expires_in)
