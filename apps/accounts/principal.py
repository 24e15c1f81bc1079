"""The principal: who is asking, in which team, and what they may do. One definition for every process and door."""

from dataclasses import dataclass
from uuid import UUID

from apps.accounts.models import ApiKey, Membership, Role, Team, User
from apps.accounts.permissions import KEY_ONLY_SCOPES, NO_TEAM, Permission, Reach, permissions_of, reach_of
from apps.api.errors import NotAllowed


@dataclass(frozen=True)
class Principal:
    """Frozen at the moment of asking. What stays open longer asks `still_valid` again.

    `permissions` is what the role holds at all; `scopes`, for an API key only, narrows it. `is_staff` and
    `is_superuser` open the admin and what is the whole installation's: they give no right inside a team.
    """

    user_id: UUID
    email: str
    team_id: UUID | None
    role: str | None
    permissions: frozenset[str]
    scopes: frozenset[str] | None
    api_key_id: UUID | None
    is_staff: bool
    is_superuser: bool
    stamp: str

    @property
    def acting_team(self) -> UUID:
        """The team that what this principal makes belongs to. Raises NotAllowed for somebody without one."""
        if self.team_id is None:
            raise NotAllowed(NO_TEAM)
        return self.team_id

    @property
    def is_visitor(self) -> bool:
        """Somebody on a page with a widget, whom nobody knows."""
        return self.role == Role.VISITOR

    @property
    def is_operator(self) -> bool:
        """A superuser in person, who runs the installation: a key never is one."""
        return self.is_superuser and self.api_key_id is None

    def may(self, permission: str) -> bool:
        """Whether this permission is held at all; where it may reach only own things, ask `reach` too."""
        if permission in KEY_ONLY_SCOPES:
            return permission in (self.scopes or ()) and KEY_ONLY_SCOPES[permission] in self.permissions
        return permission in self.permissions and (self.scopes is None or permission in self.scopes)

    def reach(self, permission: str) -> Reach:
        """How far the permission goes for this principal: everything of the team, own things, or not at all."""
        if not self.may(permission):
            return Reach.NO
        if permission in KEY_ONLY_SCOPES or permission == Permission.READ_TEAM_SESSIONS:
            return Reach.YES
        return reach_of(self.role, permission)

    def may_for(self, permission: str, owner_id: UUID | None) -> bool:
        """Whether the permission reaches a thing of the own team that belongs to that person."""
        reach = self.reach(permission)
        return reach is Reach.YES or (reach is Reach.OWN and owner_id == self.user_id)


def principal_for(user: User, team: Team | None = None, api_key: ApiKey | None = None) -> Principal:
    """The principal of a person in a team (their default one, or else the first they joined, when none is given).

    A person who is not in that team gets a principal without team, role and permissions. No check of `is_active`
    or of the key's validity is made here: authentication.py does that.
    """
    return principal_of_membership(user, find_membership(user, team or (api_key.team if api_key else None)), api_key)


def find_membership(user: User, team: Team | None = None) -> Membership | None:
    """The person's membership in that team, or in the one they act for unless they say otherwise."""
    memberships = Membership.objects.filter(user=user)
    if team is not None:
        return memberships.filter(team=team).first()
    mine = list(memberships.order_by("created_at", "id"))
    return next((one for one in mine if one.team_id == user.default_team_id), mine[0] if mine else None)


def principal_of_membership(user: User, membership: Membership | None, api_key: ApiKey | None = None) -> Principal:
    """The principal of rows that were read already. Queries nothing."""
    role = membership.role if membership else None
    granted = membership.read_team_sessions if membership else False
    return Principal(
        user_id=user.pk,
        email=user.email,
        team_id=membership.team_id if membership else None,
        role=role,
        permissions=permissions_of(role, read_team_sessions=granted),
        scopes=frozenset(api_key.scopes) if api_key else None,
        api_key_id=api_key.pk if api_key else None,
        is_staff=user.is_staff,
        is_superuser=user.is_superuser,
        stamp=user.stamp,
    )


def principal_now(user_id: UUID, team_id: UUID, api_key_id: UUID | None = None) -> Principal:
    """The principal of somebody who asked earlier, with the rights they have by now. Raises NotAllowed for a person who
    was suspended or has left the team, and for a key that was revoked or has expired."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    membership = Membership.objects.filter(user=user_id, team_id=team_id).first()
    api_key = ApiKey.objects.filter(pk=api_key_id).first() if api_key_id else None
    if user is None or membership is None or (api_key_id and (api_key is None or not api_key.usable)):
        raise NotAllowed("Whoever asked this may not ask it any more.")
    return principal_of_membership(user, membership, api_key)


def still_valid(principal: Principal) -> bool:
    """Whether the rows still say what the principal says: for streams that stay open while rights change.

    False for a person suspended, removed or given another role, one whose stamp changed, and a key revoked or expired.
    """
    user = User.objects.filter(pk=principal.user_id, is_active=True, stamp=principal.stamp).first()
    if user is None:
        return False
    api_key = None
    if principal.api_key_id is not None:
        api_key = ApiKey.objects.filter(pk=principal.api_key_id).first()
        if api_key is None or not api_key.usable:
            return False
    membership = None
    if principal.team_id is not None:
        membership = Membership.objects.filter(user=user, team_id=principal.team_id).first()
    return principal_of_membership(user, membership, api_key) == principal
