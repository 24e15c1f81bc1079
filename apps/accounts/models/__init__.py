"""People, their teams, what they may do, and the credentials that speak for them."""

from apps.accounts.models.audit import AuditEntry
from apps.accounts.models.credentials import ApiKey, RefreshToken, SignInAttempt
from apps.accounts.models.people import User
from apps.accounts.models.teams import PEOPLES_ROLES, Invitation, Membership, Plan, Role, Team

__all__ = [
    "PEOPLES_ROLES",
    "ApiKey",
    "AuditEntry",
    "Invitation",
    "Membership",
    "Plan",
    "RefreshToken",
    "Role",
    "SignInAttempt",
    "Team",
    "User",
]
