"""Whom a command acts for."""

from uuid import UUID

from django.core.management.base import CommandError

from apps.accounts.models import Membership, Role, User
from apps.accounts.principal import Principal, principal_for, principal_of_membership
from apps.opie.models import Agent


def user_named(text: str) -> User:
    """The active person with that id or e-mail address. Raises CommandError."""
    people = User.objects.filter(is_active=True)
    try:
        user = people.filter(pk=UUID(text)).first()
    except ValueError:
        user = people.filter(email=text.lower()).first()
    if user is None:
        raise CommandError(f"There is no active person {text}. Give the id or the e-mail address of one.")
    return user


def staff_or_first_owner() -> User:
    """Somebody to ask questions as, when nobody is named. Raises CommandError in an empty installation."""
    in_a_team = User.objects.filter(is_active=True, memberships__isnull=False).order_by("-is_staff", "date_joined")
    user = in_a_team.filter(is_staff=True).first() or in_a_team.filter(memberships__role=Role.OWNER).first()
    if user is None:
        raise CommandError("There is nobody in a team yet. Run manage.py create_demo, or name a person with --user-id.")
    return user


def principal_serving(agent: Agent) -> Principal:
    """Whoever the agent is built for to see whether it can be: its owner, or the first owner of its (or any) team."""
    owners = Membership.objects.filter(user__is_active=True).select_related("user").order_by("created_at")
    if agent.team_id is not None:
        owners = owners.filter(team_id=agent.team_id)
    own = owners.filter(user_id=agent.owner_id).first() if agent.owner_id else None
    membership = own or owners.filter(role=Role.OWNER).first()
    if membership is None:
        raise CommandError(f"Nobody is in a team that could use {agent.agent_id}.")
    return principal_of_membership(membership.user, membership)


def principal_named(text: str) -> Principal:
    """The principal of the person with that id or address. Raises CommandError."""
    return principal_for(user_named(text))
