"""/api/v1/agentos/approvals/: who sees what waits, and whose word counts."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, Membership, Role
from apps.opie.engine import approvals
from apps.opie.models import Agent, AgentOSApproval
from apps.opie.models.approval_rules import ApprovalBy
from tests.opie.engine.waiting import approval_of, waiting_run
from tests.opie.people import Person, make_key, make_person

LIST = "/api/v1/agentos/approvals/"


def get(person: Person, path: str = LIST) -> Any:
    return Client().get(path, headers=person.headers)


def post(headers: dict[str, str], approval: AgentOSApproval, answer: str, body: dict[str, Any] | None = None) -> Any:
    address = f"{LIST}{approval.pk}/{answer}/"
    return Client().post(address, body if body is not None else {}, "application/json", headers=headers)


def seen_by(person: Person, query: str = "") -> list[str]:
    return [row["approval_id"] for row in get(person, LIST + query).json()["results"]]


def test_one_sees_ones_own_and_a_manager_what_waits_for_one(
    person: Person, member: Person, viewer: Person, stranger: Person, agents: dict[str, Agent]
) -> None:
    run = waiting_run(member, agents["helper"])
    own, for_manager = approval_of(run), approval_of(run, by=ApprovalBy.MANAGER)
    assert seen_by(member) == [str(for_manager.pk), str(own.pk)]
    assert seen_by(person) == [str(for_manager.pk)]
    assert seen_by(viewer) == seen_by(stranger) == []
    assert get(person, f"{LIST}{own.pk}/").status_code == 404
    assert get(stranger, f"{LIST}{for_manager.pk}/").status_code == 404
    assert seen_by(member, "?status=approved") == []
    assert seen_by(member, f"?status=pending&run_id={run.pk}&session_id={run.session_id}") == seen_by(member)
    assert get(member, LIST + "?status=odd").status_code == 400
    assert get(member, LIST + "?run_id=odd").status_code == 400


def test_what_an_approval_says(member: Person, agents: dict[str, Agent]) -> None:
    run = waiting_run(member, agents["helper"])
    approval = approval_of(run)
    shown = get(member, f"{LIST}{approval.pk}/").json()
    assert shown | {"created_at": "", "expires_at": ""} == {
        "approval_id": str(approval.pk),
        "run_id": str(run.pk),
        "session_id": str(run.session_id),
        "agent_id": "helper",
        "asked_by": "ben@example.com",
        "tool_call_id": "call_0",
        "name": "rename_this_chat",
        "label": "Rename this chat",
        "arguments": {"title": "Plans"},
        "changed_arguments": None,
        "by": "person",
        "may_decide": True,
        "status": "pending",
        "note": "",
        "created_at": "",
        "expires_at": "",
        "decided_at": None,
        "decided_by": None,
    }


def test_a_yes_with_other_arguments_is_kept_beside_what_was_asked(member: Person, agents: dict[str, Agent]) -> None:
    approval = approval_of(waiting_run(member, agents["helper"]))
    answered = post(member.headers, approval, "approve", {"arguments": {"title": "Budget"}})
    assert answered.status_code == 200
    shown = answered.json()
    assert (shown["status"], shown["decided_by"], shown["may_decide"]) == ("approved", "ben@example.com", False)
    assert shown["arguments"] == {"title": "Plans"}
    assert shown["changed_arguments"] == {"title": "Budget"}
    entry = AuditEntry.objects.get(action="approval.approved", object_id=str(approval.pk))
    assert entry.actor_id == member.user.pk
    assert entry.team_id == member.team.pk
    assert entry.after is not None
    assert entry.after["arguments_changed"] is True
    assert "Budget" not in str(entry.after)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "arguments.title"),
        ({"title": 7}, "arguments.title"),
        ({"title": "a", "scope": {}}, "arguments.scope"),
        ({"title": "a", "more": 1}, "arguments.more"),
        ("rename", "arguments"),
        ({"title": "a\x00"}, "arguments"),
    ],
)
def test_arguments_that_the_tool_does_not_take(
    member: Person, agents: dict[str, Agent], arguments: Any, field: str
) -> None:
    approval = approval_of(waiting_run(member, agents["helper"]))
    refused = post(member.headers, approval, "approve", {"arguments": arguments})
    assert refused.status_code == 400
    assert list(refused.json()["error"]["fields"]) == [field]
    approval.refresh_from_db()
    assert approval.status == "pending"


def test_arguments_of_a_tool_that_is_gone_cannot_be_changed(member: Person, agents: dict[str, Agent]) -> None:
    approval = approval_of(waiting_run(member, agents["helper"]), tool_name="gone")
    assert post(member.headers, approval, "approve", {"arguments": {"a": 1}}).status_code == 400
    assert post(member.headers, approval, "approve", {"arguments": {"title": "Plans"}}).status_code == 200


def test_what_was_decided_stays_decided(member: Person, agents: dict[str, Agent]) -> None:
    approval = approval_of(waiting_run(member, agents["helper"]))
    assert post(member.headers, approval, "reject", {"note": "Not now."}).status_code == 200
    late = post(member.headers, approval, "approve")
    assert late.status_code == 409
    error = late.json()["error"]
    assert (error["code"], error["status"]) == ("approval_decided", "rejected")
    approval.refresh_from_db()
    assert (approval.status, approval.note) == ("rejected", "Not now.")
    assert AuditEntry.objects.filter(object_id=str(approval.pk)).count() == 1


def test_a_managers_yes_is_not_the_asking_persons(
    person: Person, member: Person, viewer: Person, agents: dict[str, Agent]
) -> None:
    approval = approval_of(waiting_run(member, agents["helper"]), by=ApprovalBy.MANAGER)
    refused = post(member.headers, approval, "approve")
    assert refused.status_code == 403
    assert "owner or an admin" in refused.json()["error"]["message"]
    assert post(viewer.headers, approval, "approve").status_code == 403
    assert post(person.headers, approval, "approve").status_code == 200


def test_who_asked_and_manages_says_yes_themselves(person: Person, agents: dict[str, Agent]) -> None:
    approval = approval_of(waiting_run(person, agents["helper"]), by=ApprovalBy.MANAGER)
    assert post(person.headers, approval, "approve").status_code == 200


def test_a_key_says_no_more_than_its_scopes(person: Person, agents: dict[str, Agent]) -> None:
    run = waiting_run(person, agents["helper"])
    own, for_manager = approval_of(run), approval_of(run, by=ApprovalBy.MANAGER)
    _, narrow = make_key(person, "view_agents")
    _, usual = make_key(person, "view_agents", "run_agents")
    assert post(narrow, own, "approve").status_code == 403
    assert post(usual, for_manager, "approve").status_code == 403
    assert post(usual, own, "approve").status_code == 200


def test_who_may_not_run_agents_any_more_decides_nothing(member: Person, agents: dict[str, Agent]) -> None:
    approval = approval_of(waiting_run(member, agents["helper"]))
    Membership.objects.filter(user=member.user).update(role=Role.VIEWER)
    assert post(member.headers, approval, "approve").status_code == 403


def test_nobodys_answer_is_a_no(member: Person, agents: dict[str, Agent]) -> None:
    run = waiting_run(member, agents["helper"])
    late = approval_of(run, expires_at=timezone.now() - timedelta(seconds=1))
    other = approval_of(run)
    answered = post(member.headers, late, "approve")
    assert answered.status_code == 409
    assert answered.json()["error"]["status"] == "expired"
    assert approvals.expire() == [], "the run waits for the other still"
    late.refresh_from_db()
    assert (late.status, late.note) == ("expired", approvals.NOBODY_ANSWERED)
    assert AuditEntry.objects.get(object_id=str(late.pk)).action == "approval.expired"
    assert approvals.expire(other.expires_at) == [run.pk]
    assert approvals.expire(other.expires_at) == []


def test_the_last_of_several_is_seen_to_be_the_last(member: Person, agents: dict[str, Agent]) -> None:
    run = waiting_run(member, agents["helper"])
    first, second = approval_of(run), approval_of(run)
    assert not approvals.decide(member.principal, first.pk, "approve").is_last
    assert approvals.decide(member.principal, second.pk, "reject").is_last


def test_an_agents_rules_are_checked_and_kept_in_its_versions(person: Person, agents: dict[str, Agent]) -> None:
    def change(approvals_of_agent: Any) -> Any:
        body = {"approvals": approvals_of_agent}
        return Client().patch("/api/v1/agents/helper/", body, "application/json", headers=person.headers)

    kept = change({"calculate": {"by": "manager", "roles": ["member"]}, "rename_this_chat": {}})
    assert kept.status_code == 200
    assert kept.json()["approvals"] == {
        "calculate": {"by": "manager", "roles": ["member"], "expires_in": 86400},
        "rename_this_chat": {"by": "person", "roles": [], "expires_in": 86400},
    }
    helper = Agent.objects.get(agent_id="helper")
    assert helper.versions.latest("number").definition["approvals"] == kept.json()["approvals"]
    for wrong in (
        {"nothing": {}},
        {"calculate": {"by": "anybody"}},
        {"calculate": {"roles": ["king"]}},
        {"calculate": {"expires_in": 1}},
        {"calculate": {"always": True}},
        {"calculate": "yes"},
        ["calculate"],
    ):
        refused = change(wrong)
        assert refused.status_code == 400, wrong
        assert any(name.startswith("approvals") for name in refused.json()["error"]["fields"])


def test_an_admin_of_the_team_is_a_manager(team: Any, member: Person, agents: dict[str, Agent]) -> None:
    admin = make_person("ada", team, Role.ADMIN)
    approval = approval_of(waiting_run(member, agents["helper"]), by=ApprovalBy.MANAGER)
    assert get(admin, f"{LIST}{approval.pk}/").json()["may_decide"] is True
    assert post(admin.headers, approval, "reject").status_code == 200
