"""Teams, members and invitations over REST."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from apps.accounts.models import AuditEntry, Invitation, Membership, Plan, Role, Team, User
from tests.accounts.conftest import Person, Rest

SignIn = Callable[..., Rest]


def _role(team: Team, user: User) -> str | None:
    found = Membership.objects.filter(team=team, user=user).first()
    return found.role if found else None


def test_a_team_is_made_renamed_and_deleted_by_its_owner(owner: User, rest: SignIn) -> None:
    caller = rest(owner)
    made = caller("POST", "teams/", {"name": "Second"})
    assert made.status_code == 201
    assert made.json()["role"] == "owner"
    address = f"teams/{made.json()['id']}/"
    assert caller("PATCH", address, {"name": "Renamed"}).json()["name"] == "Renamed"
    assert caller("DELETE", address).status_code == 204
    assert caller("GET", address).status_code == 404
    trail = AuditEntry.objects.filter(object_id=made.json()["id"]).order_by("id")
    assert list(trail.values_list("action", flat=True)) == ["create", "rename", "delete"]
    assert trail[1].before == {"name": "Second"}
    assert trail[1].request_id


def test_lists_are_paged_searched_and_ordered(owner: User, rest: SignIn) -> None:
    caller = rest(owner)
    for name in ("Alpha", "Beta", "Gamma"):
        caller("POST", "teams/", {"name": name})
    page = caller("GET", "teams/?page_size=2&ordering=-name").json()
    assert set(page) == {"count", "next", "previous", "results"}
    assert (page["count"], [team["name"] for team in page["results"]]) == (4, ["Ours", "Gamma"])
    rest_of_it = caller("GET", "teams/?page_size=2&ordering=-name&page=2").json()
    assert [team["name"] for team in rest_of_it["results"]] == ["Beta", "Alpha"]
    assert caller("GET", "teams/?search=alp").json()["count"] == 1
    assert caller("GET", "teams/?page_size=200").status_code == 200
    assert caller("GET", "teams/?page=9").status_code == 404
    for wrong in ("page_size=201", "page_size=0", "page_size=x", "page=0", "page=-1", "page=1e3", "page=%00"):
        assert caller("GET", f"teams/?{wrong}").status_code == 400, wrong


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "x" * 121}, {"name": "a\x00"}, {"name": "\ud800"}, {"name": "a", "slug": "mine"}],
)
def test_a_team_that_cannot_be_is_400(owner: User, rest: SignIn, body: dict[str, Any]) -> None:
    answer = rest(owner)("POST", "teams/", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]


def test_other_teams_answer_404_like_teams_that_do_not_exist(person: Person, rest: SignIn, other_team: Team) -> None:
    owner, stranger = person("ann"), person("eve", Role.OWNER, other_team)
    caller = rest(owner)
    for team_id in (other_team.pk, uuid4()):
        calls = [
            caller("GET", f"teams/{team_id}/"),
            caller("PATCH", f"teams/{team_id}/", {"name": "x"}),
            caller("DELETE", f"teams/{team_id}/"),
            caller("GET", f"teams/{team_id}/members/"),
            caller("PATCH", f"teams/{team_id}/members/{stranger.pk}/", {"role": "viewer"}),
            caller("DELETE", f"teams/{team_id}/members/{stranger.pk}/"),
            caller("GET", f"teams/{team_id}/invitations/"),
            caller("POST", f"teams/{team_id}/invitations/", {"email": "a@b.co"}),
            caller("DELETE", f"teams/{team_id}/invitations/{uuid4()}/"),
        ]
        assert [call.status_code for call in calls] == [404] * 9
    assert _role(other_team, stranger) == "owner"


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_who_does_not_manage_the_team_may_look_and_leave_but_change_nothing(
    person: Person, rest: SignIn, team: Team, role: str
) -> None:
    owner, user = person("boss"), person("ann", role)
    caller = rest(user)
    assert caller("GET", f"teams/{team.pk}/").status_code == 200
    assert caller("GET", f"teams/{team.pk}/members/").json()["count"] == 2
    refused = [
        caller("PATCH", f"teams/{team.pk}/", {"name": "x"}),
        caller("DELETE", f"teams/{team.pk}/"),
        caller("PATCH", f"teams/{team.pk}/members/{user.pk}/", {"role": "owner"}),
        caller("DELETE", f"teams/{team.pk}/members/{owner.pk}/"),
        caller("GET", f"teams/{team.pk}/invitations/"),
        caller("POST", f"teams/{team.pk}/invitations/", {"email": "a@b.co"}),
        caller("DELETE", f"teams/{team.pk}/invitations/{uuid4()}/"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 7
    assert caller("DELETE", f"teams/{team.pk}/members/{user.pk}/").status_code == 204
    assert caller("GET", "teams/").status_code == 401  # rights changed: what was signed in is void


def test_an_admin_manages_people_but_not_owners(person: Person, rest: SignIn, team: Team) -> None:
    owner, admin, user = person("boss"), person("adm", Role.ADMIN), person("ann", Role.MEMBER)
    caller = rest(admin)
    members = f"teams/{team.pk}/members"
    assert caller("PATCH", f"{members}/{user.pk}/", {"role": "viewer"}).json()["role"] == "viewer"
    refused = [
        caller("PATCH", f"{members}/{user.pk}/", {"role": "owner"}),
        caller("PATCH", f"{members}/{owner.pk}/", {"role": "member"}),
        caller("DELETE", f"{members}/{owner.pk}/"),
        caller("POST", f"teams/{team.pk}/invitations/", {"email": "a@b.co", "role": "owner"}),
        caller("PATCH", f"{members}/{user.pk}/", {"read_team_sessions": True}),
        caller("DELETE", f"teams/{team.pk}/"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 6
    assert caller("DELETE", f"{members}/{user.pk}/").status_code == 204
    assert _role(team, user) is None


def test_only_an_owner_grants_reading_of_sessions_and_it_is_audited(person: Person, rest: SignIn, team: Team) -> None:
    owner, user = person("boss"), person("ann", Role.MEMBER)
    answer = rest(owner)("PATCH", f"teams/{team.pk}/members/{user.pk}/", {"read_team_sessions": True})
    assert answer.json()["read_team_sessions"] is True
    entry = AuditEntry.objects.get(action="change_member")
    assert (entry.actor, entry.before, entry.after) == (
        owner.email,
        {"read_team_sessions": False},
        {"read_team_sessions": True},
    )


def test_a_team_always_keeps_an_owner(person: Person, rest: SignIn, team: Team) -> None:
    first, second = person("ann"), person("bob", Role.ADMIN)
    caller, me = rest(first), f"teams/{team.pk}/members/{first.pk}/"
    refused = [caller("PATCH", me, {"role": "admin"}), caller("DELETE", me)]
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in refused] == [(409, "last_owner")] * 2
    caller("PATCH", f"teams/{team.pk}/members/{second.pk}/", {"role": "owner"})
    assert caller("PATCH", me, {"role": "admin"}).status_code == 200
    assert list(Membership.objects.owners().values_list("user_id", flat=True)) == [second.pk]


def test_a_role_that_does_not_exist_is_refused_by_call_and_by_database(
    person: Person, rest: SignIn, team: Team
) -> None:
    owner, user = person("boss"), person("ann", Role.MEMBER)
    answer = rest(owner)("PATCH", f"teams/{team.pk}/members/{user.pk}/", {"role": "king"})
    assert list(answer.json()["error"]["fields"]) == ["role"]
    with pytest.raises(IntegrityError):
        Membership.objects.filter(user=user).update(role="king")


def test_an_invitation_brings_the_invited_person_in_once(
    person: Person, rest: SignIn, team: Team, mailoutbox: list[Any]
) -> None:
    owner, guest, other = person("boss"), person("new", in_team=None), person("eve", in_team=None)
    sent = rest(owner)("POST", f"teams/{team.pk}/invitations/", {"email": "NEW@example.com", "role": "viewer"})
    assert sent.status_code == 201
    token = sent.json()["token"]
    assert token in mailoutbox[0].body
    assert token not in str(list(Invitation.objects.values()))
    assert "token" not in rest(owner)("GET", f"teams/{team.pk}/invitations/").json()["results"][0]
    assert rest(other)("POST", "invitations/accept/", {"token": token}).status_code == 404
    joined = rest(guest)("POST", "invitations/accept/", {"token": token})
    assert (joined.status_code, joined.json()["role"]) == (201, "viewer")
    assert rest(guest)("POST", "invitations/accept/", {"token": token}).status_code == 404
    actions = set(AuditEntry.objects.filter(team_id=team.pk).values_list("action", flat=True))
    assert actions == {"invite", "join"}


def test_an_invitation_ends_when_it_is_revoked_replaced_or_run_out(person: Person, rest: SignIn, team: Team) -> None:
    owner, guest = person("boss"), person("new", in_team=None)
    caller, address = rest(owner), f"teams/{team.pk}/invitations/"
    tokens = [caller("POST", address, {"email": guest.email}).json()["token"] for _ in range(2)]
    assert rest(guest)("POST", "invitations/accept/", {"token": tokens[0]}).status_code == 404
    Invitation.objects.update(expires_at=timezone.now())
    assert rest(guest)("POST", "invitations/accept/", {"token": tokens[1]}).status_code == 404
    third = caller("POST", address, {"email": guest.email}).json()
    assert caller("DELETE", f"{address}{third['id']}/").status_code == 204
    assert rest(guest)("POST", "invitations/accept/", {"token": third["token"]}).status_code == 404
    assert _role(team, guest) is None


def test_a_plan_limits_the_seats(person: Person, rest: SignIn, team: Team) -> None:
    owner, guest = person("boss"), person("new", in_team=None)
    Team.objects.filter(pk=team.pk).update(plan=Plan.objects.create(name="Small", max_seats=1))
    token = rest(owner)("POST", f"teams/{team.pk}/invitations/", {"email": guest.email}).json()["token"]
    refused = rest(guest)("POST", "invitations/accept/", {"token": token})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "plan_limit")
    Plan.objects.update(max_seats=2)
    assert rest(guest)("POST", "invitations/accept/", {"token": token}).status_code == 201


def test_who_is_in_the_team_is_not_invited_again(person: Person, rest: SignIn, team: Team) -> None:
    owner, user = person("boss"), person("ann", Role.MEMBER)
    answer = rest(owner)("POST", f"teams/{team.pk}/invitations/", {"email": user.email.upper()})
    assert answer.status_code == 409


def test_a_person_without_a_team_can_sign_in_and_make_one(person: Person, rest: SignIn) -> None:
    caller = rest(person("new", in_team=None))
    assert caller("GET", "teams/").json()["count"] == 0
    assert caller("GET", "api-keys/").json()["count"] == 0
    assert caller("POST", "api-keys/", {"name": "k", "scopes": ["run_agents"]}).status_code == 400
    assert caller("POST", "teams/", {"name": "First"}).status_code == 201
