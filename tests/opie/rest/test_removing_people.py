"""People are removed for good by superusers: who is spared, and that the books still sum."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, Membership, Role, Team, User
from apps.accounts.tokens import issue_pair
from apps.opie.ledger import budgets
from apps.opie.models import AgentOSMemory, AgentOSRun, AgentOSSession, AgentOSUsage, Budget, BudgetPeriod
from apps.opie.models.runs import RunStatus
from tests.opie.ledger.written import write_call
from tests.opie.people import Person, make_key, make_person, make_team
from tests.opie.rest.caller import call, error_of


def remove(headers: dict[str, str], *people: Any) -> Any:
    return call("POST", "users/bulk_delete/", {"user_ids": [str(one) for one in people]}, headers)


def made_superuser(user: User) -> dict[str, str]:
    user.is_superuser = user.is_staff = True
    user.save()
    return {"Authorization": f"Bearer {issue_pair(user).access}"}


def books(team: Team) -> tuple[Decimal, Decimal]:
    """What the ledger says the team has spent, and what its budget says."""
    spent = AgentOSUsage.objects.filter(team=team).aggregate(sum=Sum("cost"))["sum"]
    return spent, BudgetPeriod.objects.get(budget__team=team, budget__user=None).spent


def test_the_books_still_sum_when_people_are_gone(person: Person, member: Person, stranger: Person) -> None:
    boss = make_person("boss", make_team("House"), Role.OWNER)
    headers = made_superuser(boss.user)
    other = make_person("root", person.team)
    made_superuser(other.user)
    busy = make_person("busy", person.team)
    AgentOSRun.objects.create(
        user=busy.user, team=busy.team, status=RunStatus.RUNNING, started_at=timezone.now(), heartbeat_at=timezone.now()
    )
    for budget in (Budget(team=person.team, amount=5), Budget(team=person.team, user=member.user, amount=5)):
        budget.save()
    session = AgentOSSession.objects.create(user=member.user, team=member.team)
    run = AgentOSRun.objects.create(session=session, user=member.user, team=member.team)
    AgentOSMemory.objects.create(user=member.user, team=member.team, memory="Likes tea")
    key, _ = make_key(member)
    spent = write_call(member.principal, run=run, session=session, api_key=key)
    budgets.reserve(member.principal, spent.pk, Decimal("0.5"))
    budgets.settle(spent.pk, Decimal("0.5"))
    write_call(stranger.principal)
    before = books(person.team)
    assert before == (Decimal("0.5"), Decimal("0.5"))

    nobody = uuid4()
    asked = (person, member, stranger, boss, other, busy)
    answer = remove(headers, *(one.user.pk for one in asked), member.user.pk, nobody)
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["removed"] == [str(member.user.pk), str(stranger.user.pk)]
    assert {one["user_id"]: one["code"] for one in said["kept"]} == {
        str(person.user.pk): "last_owner", str(boss.user.pk): "oneself", str(other.user.pk): "superuser",
        str(busy.user.pk): "busy", str(nobody): "user_not_found",
    }  # fmt: skip
    assert books(person.team) == before
    spent.refresh_from_db()
    assert (spent.user, spent.run, spent.session, spent.api_key, spent.cost) == (None, None, None, None, Decimal("0.5"))
    assert not AgentOSSession.objects.filter(pk=session.pk).exists()
    assert not AgentOSMemory.objects.exists()
    assert Team.objects.filter(pk=stranger.team.pk).exists()
    assert AgentOSUsage.objects.filter(team=stranger.team).count() == 1
    removals = AuditEntry.objects.filter(action="remove")
    assert {(one.actor, one.object_id) for one in removals} == {
        (boss.user.email, str(member.user.pk)), (boss.user.email, str(stranger.user.pk)),
    }  # fmt: skip
    assert call("GET", "agentos/sessions/", headers=member.headers).status_code == 401

    Membership.objects.filter(user=other.user).update(role=Role.OWNER)
    assert remove(headers, person.user.pk).json()["removed"] == [str(person.user.pk)]


def test_nobody_else_removes_anybody(person: Person, member: Person) -> None:
    staff = make_person("staff", person.team)
    User.objects.filter(pk=staff.user.pk).update(is_staff=True)
    for who in (person, staff):
        assert error_of(remove(who.headers, member.user.pk))["code"] == "not_allowed"
    assert remove({}, member.user.pk).status_code == 401
    headers = made_superuser(person.user)
    _, of_key = make_key(person, "manage_team", "view_agents")
    assert remove(of_key, member.user.pk).status_code == 403
    for wrong in ({}, {"user_ids": []}, {"user_ids": ["x"]}, {"user_ids": [str(uuid4())] * 101}, {"user_ids": "all"}):
        assert error_of(call("POST", "users/bulk_delete/", wrong, headers))["code"] == "invalid_input"
    assert User.objects.filter(pk=member.user.pk).exists()


def test_the_admins_list_spares_them_too(admin_client: Client, person: Person, member: Person) -> None:
    root = User.objects.create_superuser("root@example.com")
    listed = admin_client.get("/admin/accounts/user/", {"is_superuser__exact": "0", "q": "ben"}).content.decode()
    assert member.user.email in listed
    assert "root@example.com" not in listed
    people = [user.pk for user in (root, person.user, member.user, User.objects.get(email="admin@example.com"))]
    form = {"action": "delete_selected", "_selected_action": people}
    asked = admin_client.post("/admin/accounts/user/", form).content.decode()
    assert "Spared: " in asked
    assert member.user.email in asked
    assert User.objects.count() == 4
    done = admin_client.post("/admin/accounts/user/", form | {"post": "yes"}, follow=True).content.decode()
    assert "without an owner" in done
    assert "1 removed." in done
    assert set(User.objects.values_list("pk", flat=True)) == set(people) - {member.user.pk}
    assert AuditEntry.objects.get(action="remove").object_id == str(member.user.pk)
    page = f"/admin/accounts/user/{person.user.pk}/delete/"
    assert admin_client.post(page, {"post": "yes"}).status_code == 403
