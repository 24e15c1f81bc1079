"""Teams and who is in them: every rule about it, for REST, pages, the admin and commands."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils import timezone
from django.utils.text import slugify

from apps.accounts.api_keys import revoke_api_key
from apps.accounts.audit import record
from apps.accounts.models import ApiKey, Invitation, Membership, Role, Team
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal, principal_of_membership
from apps.accounts.tokens import hash_secret
from apps.api.errors import Conflict, NotAllowed, NotFound

INVITATION_LIFETIME = timedelta(days=7)
_INVITATION_START = "opiei_"


def make_team(name: str) -> Team:
    """A team with a slug of its own, and nobody in it yet."""
    stem = slugify(name)[:120] or "team"
    try:
        with transaction.atomic():
            return Team.objects.create(name=name, slug=stem)
    except IntegrityError:
        return Team.objects.create(name=name, slug=f"{stem}-{secrets.token_hex(4)}")


@transaction.atomic
def create_team(principal: Principal, name: str) -> Team:
    """A team that the principal owns."""
    team = make_team(name)
    Membership.objects.create(team=team, user_id=principal.user_id, role=Role.OWNER)
    record(principal, "create", team, after={"name": name})
    return team


def in_team(principal: Principal, team_id: UUID) -> Principal:
    """The principal as they are in that team. Raises NotFound when they are not in it: the same as when there is none.

    A key is only ever in its own team.
    """
    if principal.team_id == team_id:
        return principal
    membership = Membership.objects.select_related("user").filter(user_id=principal.user_id, team_id=team_id).first()
    if membership is None or principal.api_key_id is not None:
        raise NotFound
    return principal_of_membership(membership.user, membership)


def require(principal: Principal, permission: Permission) -> None:
    """Raises NotAllowed unless the permission is held."""
    if not principal.may(permission):
        raise NotAllowed


@transaction.atomic
def rename_team(principal: Principal, team: Team, name: str) -> None:
    """Raises NotAllowed without manage_team."""
    require(principal, Permission.MANAGE_TEAM)
    before, team.name = team.name, name
    team.save(update_fields=["name"])
    record(principal, "rename", team, before={"name": before}, after={"name": name})


@transaction.atomic
def delete_team(principal: Principal, team: Team) -> None:
    """Raises NotAllowed for all but owners, and Conflict while something is kept that must outlive the team."""
    require(principal, Permission.MANAGE_PLAN)
    record(principal, "delete", team, before={"name": team.name, "slug": team.slug})
    try:
        team.delete()
    except (ProtectedError, RestrictedError):
        raise Conflict("The team still has records that must be kept. Remove its agents and sessions first.") from None


@transaction.atomic
def change_membership(principal: Principal, membership: Membership, changes: dict[str, Any]) -> Membership:
    """Gives a role, or the right to read the team's sessions; the person's tokens and sessions are void after it.

    Raises NotAllowed without manage_team, for anything about owners unless an owner asks, and for the right to read
    sessions unless an owner gives it; Conflict when no owner would be left.
    """
    require(principal, Permission.MANAGE_TEAM)
    locked = _locked(membership)
    before = {name: getattr(locked, name) for name in changes}
    _refuse_beyond(principal, [locked.role, changes.get("role", locked.role)])
    if "read_team_sessions" in changes and principal.role != Role.OWNER:
        raise NotAllowed("Only an owner can let someone read the team's sessions.")
    if changes.get("role", Role.OWNER) != Role.OWNER:
        keep_an_owner(locked)
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.save(update_fields=list(changes))
    record(principal, "change_member", locked, before=before, after=changes)
    return locked


@transaction.atomic
def remove_member(principal: Principal, membership: Membership) -> None:
    """Takes a person out; anyone may take themselves out. Raises as `change_membership` does."""
    locked = _locked(membership)
    if locked.user_id != principal.user_id or principal.api_key_id is not None:
        require(principal, Permission.MANAGE_TEAM)
        _refuse_beyond(principal, [locked.role])
    keep_an_owner(locked)
    record(principal, "remove_member", locked, before={"user": str(locked.user_id), "role": locked.role})
    locked.delete()


def _locked(membership: Membership) -> Membership:
    # The team's row is what two people changing the last owners at once wait for.
    Team.objects.select_for_update().get(pk=membership.team_id)
    found = Membership.objects.select_related("user").filter(pk=membership.pk).first()
    if found is None:
        raise NotFound
    return found


def _refuse_beyond(principal: Principal, roles: Sequence[str]) -> None:
    if Role.OWNER in roles and principal.role != Role.OWNER:
        raise NotAllowed("Only an owner can make, change or remove an owner.")


def keep_an_owner(leaving: Membership) -> None:
    """Raises Conflict when the team would be without an owner if that member were not one any more."""
    Team.objects.select_for_update().get(pk=leaving.team_id)
    others = Membership.objects.owners().filter(team_id=leaving.team_id).exclude(pk=leaving.pk)
    is_owner = Membership.objects.owners().filter(pk=leaving.pk).exists()
    if is_owner and not others.exists():
        raise Conflict("A team needs an owner. Make someone else an owner first.", code="last_owner")


@transaction.atomic
def invite(principal: Principal, team: Team, email: str, role: str) -> tuple[Invitation, str]:
    """The row of an invitation and its token, which is shown and mailed once. An older one to that address ends.

    Raises NotAllowed without manage_team, or for an owner's role unless an owner asks; Conflict for someone who is
    in the team already.
    """
    require(principal, Permission.MANAGE_TEAM)
    _refuse_beyond(principal, [role])
    email = email.lower()
    if Membership.objects.filter(team=team, user__email=email).exists():
        raise Conflict("That person is in the team already.")
    Invitation.objects.filter(team=team, email=email, accepted_at=None).delete()
    token = _INVITATION_START + secrets.token_urlsafe(32)
    row = Invitation.objects.create(
        team=team,
        email=email,
        role=role,
        invited_by_id=principal.user_id,
        token_hash=hash_secret(token),
        expires_at=timezone.now() + INVITATION_LIFETIME,
    )
    record(principal, "invite", row, after={"email": email, "role": role})
    return row, token


@transaction.atomic
def revoke_invitation(principal: Principal, invitation: Invitation) -> None:
    """Raises NotAllowed without manage_team."""
    require(principal, Permission.MANAGE_TEAM)
    record(principal, "revoke_invitation", invitation, before={"email": invitation.email, "role": invitation.role})
    invitation.delete()


@transaction.atomic
def accept_invitation(principal: Principal, token: str) -> Membership:
    """Joins the team the token invites to, as its role says.

    Raises NotFound for a token that is unknown, used, run out or for another address (all the same); NotAllowed when
    the team's plan has no seat left; Conflict for someone who is in the team.
    """
    invitation = (
        Invitation.objects.open()
        .select_for_update(of=("self",))
        .select_related("team__plan")
        .filter(token_hash=hash_secret(token), email=principal.email)
        .first()
    )
    if invitation is None:
        raise NotFound("There is no open invitation for you with that token. Ask for a new one.")
    team = Team.objects.select_for_update().get(pk=invitation.team_id)
    _refuse_full(team, invitation)
    membership, created = Membership.objects.get_or_create(
        team=team, user_id=principal.user_id, defaults={"role": invitation.role}
    )
    if not created:
        raise Conflict("You are in that team already.")
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    record(principal, "join", membership, after={"role": membership.role})
    return membership


def _refuse_full(team: Team, invitation: Invitation) -> None:
    plan = invitation.team.plan
    if plan is None or plan.max_seats is None:
        return
    if Membership.objects.people().filter(team=team).count() >= plan.max_seats:
        raise NotAllowed("The team's plan has no seat left. Ask its owner for a larger plan.", code="plan_limit")


def find_member(team_id: UUID, user_id: UUID) -> Membership:
    """Raises NotFound when that person is not in that team."""
    people = Membership.objects.people().select_related("user")
    membership = people.filter(team_id=team_id, user_id=user_id).first()
    if membership is None:
        raise NotFound
    return membership


@transaction.atomic
def end_key(principal: Principal | None, key: ApiKey) -> None:
    """Ends an API key. Whether the principal may is the caller's to ask."""
    revoke_api_key(key)
    record(principal, "revoke", key, before={"name": key.name})
