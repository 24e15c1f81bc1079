"""Removing people for good: what is only theirs goes with them, and what others rely on stays.

Their sessions, memories, keys and memberships go. What was spent stays in the books of their teams, under nobody's name;
a team whose only member they were stays, empty, with its books. Superusers are never removed, nor whoever asks.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import ProtectedError, RestrictedError

from apps.accounts.audit import record
from apps.accounts.models import Membership, Team, User
from apps.accounts.principal import Principal
from apps.api.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Kept:
    """Why somebody was not removed, and what would help."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of each who was asked for."""

    removed: tuple[UUID, ...]
    kept: Mapping[UUID, Kept]


NOT_FOUND = Kept("user_not_found", "There is no such person.")
SUPERUSER = Kept("superuser", "Superusers are never removed. Take the right away first.")
ONESELF = Kept("oneself", "Nobody removes themselves. Ask another superuser.")
LAST_OWNER = Kept("last_owner", "A team of others would be without an owner. Make someone else an owner first.")
RECORDS = Kept("kept_records", "There are records of theirs that have to be kept. Suspend them instead.")

# What apps above know of: (people) → those who cannot be removed now, and why. Asked within the transaction.
Objection = Callable[[Collection[UUID]], Mapping[UUID, Kept]]

_objections: list[Objection] = []


def object_to_removal(objection: Objection) -> None:
    """Said once at start-up, by an app that does work for people which must not be cut off in the middle."""
    if objection not in _objections:
        _objections.append(objection)


@transaction.atomic
def remove_people(principal: Principal, user_ids: Iterable[UUID]) -> Removal:
    """Remove these people, those of them that can be; all in one transaction, and each is audited.

    Raises NotAllowed for all but superusers in person.
    """
    if not principal.is_superuser or principal.api_key_id is not None:
        raise NotAllowed("Only a superuser can remove people, and not with an API key.")
    wanted = list(dict.fromkeys(user_ids))
    # Locked, so that nothing new is begun on their behalf: whoever tries waits, and finds nobody.
    people = {user.pk: user for user in User.objects.select_for_update().filter(pk__in=wanted).order_by("pk")}
    kept = {pk: NOT_FOUND for pk in wanted if pk not in people}
    kept |= {pk: SUPERUSER for pk, user in people.items() if user.is_superuser}
    kept |= {principal.user_id: ONESELF} if principal.user_id in people else {}
    for objection in _objections:
        kept = {**objection(people.keys() - kept.keys()), **kept}
    removed = []
    for pk in wanted:
        if pk not in kept and (reason := _remove(principal, people[pk])) is not None:
            kept[pk] = reason
        elif pk not in kept:
            removed.append(pk)
    return Removal(tuple(removed), kept)


def removable(principal: Principal, people: Iterable[User]) -> list[User]:
    """Those that no rule about superusers and oneself spares."""
    return [user for user in people if not user.is_superuser and user.pk != principal.user_id]


def _remove(principal: Principal, user: User) -> Kept | None:
    if _is_needed_as_owner(user):
        return LAST_OWNER
    pk = user.pk
    try:
        with transaction.atomic():
            record(principal, "remove", user, before={"email": user.email})
            user.delete()
    except (ProtectedError, RestrictedError):
        user.pk = pk
        return RECORDS
    return None


def _is_needed_as_owner(user: User) -> bool:
    """Whether somebody stays in a team that has no owner beside this one. Their teams are locked, as teams.py does."""
    mine = Membership.objects.owners().filter(user=user)
    teams = list(Team.objects.select_for_update().filter(pk__in=mine.values("team_id")).order_by("pk"))
    for team in teams:
        others = Membership.objects.people().filter(team=team).exclude(user=user)
        if others.exists() and not others.filter(role="owner").exists():
            return True
    return False
