"""Finding people by what they may do."""

from uuid import UUID

from apps.accounts.models import Membership, User
from apps.accounts.permissions import Reach, reach_of


def people_who_may(permission: str, team_id: UUID | None) -> list[User]:
    """The active people of a team whose role holds the permission for the whole team; without a team, superusers."""
    if team_id is None:
        return list(User.objects.filter(is_superuser=True, is_active=True))
    members = Membership.objects.filter(team_id=team_id, user__is_active=True).select_related("user")
    return [member.user for member in members if reach_of(member.role, permission) is Reach.YES]
