"""The table of permissions, its page, and the principal that asks it."""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from apps.accounts.models import ApiKey, Membership, Role, Team, User
from apps.accounts.permissions import KEY_ONLY_SCOPES, TABLE, Permission, Reach, reach_of
from apps.accounts.principal import Principal, principal_for, still_valid
from tests.accounts.conftest import Person

ROOT = Path(__file__).resolve().parents[2]


def _page() -> dict[str, list[str]]:
    text = (ROOT / "docs" / "permissions.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_the_page_shows_the_table() -> None:
    page = _page()
    for permission in Permission:
        shown = [Reach(cell or "no") for cell in page[permission][: len(Role)]]
        assert shown == [reach_of(role, permission) for role in Role], permission
    assert {name for name, cells in page.items() if len(cells) == 2} == set(KEY_ONLY_SCOPES)
    assert set(page) == set(Permission) | set(KEY_ONLY_SCOPES)


def test_the_table_knows_every_role() -> None:
    assert set(TABLE) == set(Role)


# Written out a second time, from the mission and not from the code: (yes, own) of each role.
EXPECTED = {
    Role.OWNER: (set(Permission) - {"read_team_sessions"}, set()),
    Role.ADMIN: (set(Permission) - {"read_team_sessions", "manage_plan"}, set()),
    Role.MEMBER: ({"run_agents", "view_agents"}, {"manage_agents", "manage_knowledge", "view_metrics"}),
    Role.VIEWER: ({"view_agents", "view_metrics"}, set()),
    Role.VISITOR: ({"run_agents"}, set()),
}


@pytest.mark.parametrize("role", list(Role))
def test_what_each_role_reaches(person: Person, role: Role) -> None:
    user = person("ann", role)
    principal = principal_for(user)
    for permission in Permission:
        yes, own = EXPECTED[role]
        wanted = Reach.YES if permission in yes else Reach.OWN if permission in own else Reach.NO
        assert principal.reach(permission) is wanted, permission
        assert principal.may_for(permission, user.pk) is (wanted is not Reach.NO)
        assert principal.may_for(permission, uuid4()) is (wanted is Reach.YES)


def test_reading_the_teams_sessions_comes_from_the_membership_alone(person: Person) -> None:
    viewer = person("ann", Role.VIEWER)
    assert not principal_for(viewer).may("read_team_sessions")
    Membership.objects.update(read_team_sessions=True)
    assert principal_for(viewer).reach("read_team_sessions") is Reach.YES


def test_staff_and_superusers_have_no_right_in_a_team(person: Person) -> None:
    user = person("root", in_team=None)
    user.is_staff = user.is_superuser = True
    user.save()
    assert principal_for(user).permissions == frozenset()


def test_a_principal_outside_the_team_has_no_rights(owner: User, other_team: Team) -> None:
    principal = principal_for(owner, other_team)
    assert (principal.team_id, principal.role, principal.permissions) == (None, None, frozenset())


def _suspend(user: User, _: Principal) -> None:
    user.is_active = False
    user.save()


def _demote(user: User, _: Principal) -> None:
    Membership.objects.filter(user=user).update(role=Role.VIEWER)


def _grant(user: User, _: Principal) -> None:
    membership = Membership.objects.get(user=user)
    membership.read_team_sessions = True
    membership.save()


def _leave(user: User, _: Principal) -> None:
    Membership.objects.filter(user=user).delete()


def _sign_out(user: User, _: Principal) -> None:
    user.sign_out_everywhere()


def _erase(user: User, _: Principal) -> None:
    user.delete()


@pytest.mark.parametrize("change", [_suspend, _demote, _grant, _leave, _sign_out, _erase])
def test_a_principal_holds_until_what_it_says_is_not_so_any_more(
    owner: User, change: Callable[[User, Principal], None]
) -> None:
    principal = principal_for(User.objects.get(pk=owner.pk))
    assert still_valid(principal)
    change(User.objects.get(pk=owner.pk), principal)
    assert not still_valid(principal)


def test_the_principal_of_a_key_holds_until_the_key_ends(owner: User, team: Team) -> None:
    key = ApiKey.objects.create(team=team, user=owner, name="k", prefix="abc", secret_hash="x", scopes=["run_agents"])
    principal = principal_for(owner, api_key=key)
    assert principal.team_id == team.pk
    assert still_valid(principal)
    ApiKey.objects.update(revoked_at=key.created_at)
    assert not still_valid(principal)
