"""What people said is theirs: who reads it in the admin, and that it is written down. And agents' prompts and tools there."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.opie.agentos.service import AgentOSService
from apps.opie.engine.verifying import note_failed_try, verification_of
from apps.opie.models import (
    Agent,
    AgentOSMemory,
    AgentOSMessage,
    AgentOSRun,
    AgentOSSession,
    MemoryProfile,
    MessageReaction,
    SessionVerification,
    SupportWidget,
)
from tests.opie.people import Person

SECRET = "What is 1200 + 34"


@pytest.fixture
def staff(person: Person) -> Client:
    """One who may look at everything of Opie in the admin, and is no superuser."""
    user = User.objects.create_user("staff@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="opie", codename__startswith="view"))
    client = Client()
    client.force_login(user)
    return client


def test_what_was_said_is_read_with_a_reason_and_written_down(
    admin_client: Client, staff: Client, person: Person, agents: dict[str, Agent]
) -> None:
    AgentOSService(person.principal).send_message("helper", SECRET)
    session = AgentOSSession.objects.get()
    sessions, messages = "/admin/opie/agentossession/", "/admin/opie/agentosmessage/"
    paths = [sessions, f"{sessions}?q={person.user.email}", f"{sessions}{session.pk}/change/", messages]
    paths += [f"{sessions}{session.pk}/history/"]
    paths += [f"{messages}{pk}/change/" for pk in AgentOSMessage.objects.values_list("pk", flat=True)]
    memory = AgentOSMemory.objects.create(user=person.user, team=person.team, memory="Has 1200 records")
    paths += ["/admin/opie/agentosmemory/", f"/admin/opie/agentosmemory/{memory.pk}/change/"]
    paths.append(f"/admin/opie/agentosrun/{AgentOSRun.objects.get().pk}/change/")
    for path in paths:
        answer = staff.get(path)
        assert answer.status_code == 200, path
        assert "1200" not in answer.content.decode(), path
    read = f"{sessions}{session.pk}/read/"
    for refused in (staff.get(read), staff.post(read, {"reason": "I am curious about it"})):
        assert refused.status_code == 403
    assert staff.get(sessions, {"q": "content: 1200"}).status_code == 403
    assert not AuditEntry.objects.filter(action__startswith="session.").exists()

    for asked in (admin_client.get(read), admin_client.post(read, {"reason": "why not"})):
        assert "1200" not in asked.content.decode()
        assert "Say why" in asked.content.decode()
    shown = admin_client.post(read, {"reason": "The customer asked us to look at it"}).content.decode()
    assert SECRET in shown
    assert "1234" in shown
    listed = admin_client.get("/admin/accounts/user/", {"q": person.user.email}).content.decode()
    assert '<td class="field-conversations">1</td>' in listed
    found = admin_client.get(sessions, {"q": "content: 1200 + 34"}).content.decode()
    assert str(session.pk) in found
    assert str(session.pk) not in admin_client.get(sessions, {"q": "content: nobody said this"}).content.decode()
    entries = AuditEntry.objects.filter(action__startswith="session.").order_by("id").values_list("action", "after")
    assert list(entries) == [
        ("session.read", {"reason": "The customer asked us to look at it"}),
        ("session.searched", {"words": "1200 + 34"}),
        ("session.searched", {"words": "nobody said this"}),
    ]
    assert AuditEntry.objects.get(action="session.read").team_id == person.team.pk


def test_what_belongs_to_customers_is_looked_at_and_tries_are_given_back(
    admin_client: Client, staff: Client, person: Person, member: Person, agents: dict[str, Agent]
) -> None:
    said = AgentOSService(person.principal).send_message("helper", SECRET)
    theirs = AgentOSService(member.principal).create_session("helper")
    for _ in range(3):
        note_failed_try(person.principal, said.session_id, "customer")  # type: ignore[arg-type]
    verification = SessionVerification.objects.get()
    assert verification_of(said.session_id, "customer").state == "given_up"
    of_opie = "/admin/opie/"
    rows: list[Any] = [
        verification,
        MessageReaction.objects.create(
            message_id=said.message_id, user=person.user, reaction="thumbs_down", reason="It is not 1234"
        ),
        MemoryProfile.objects.create(team=person.team, schema="taste", user=person.user, data={"likes": "canary-1234"}),
        SupportWidget.objects.create(
            team=person.team, agent=agents["helper"], name="Shop", allowed_origins=["https://shop.example"],
            secret="canary-1234",
        ),
    ]  # fmt: skip
    for row in rows:
        pages = f"{of_opie}{row._meta.model_name}/"
        for path in (pages, f"{pages}?q={person.user.email}", f"{pages}{row.pk}/change/"):
            answer = staff.get(path)
            assert (answer.status_code, "1234" in answer.content.decode()) == (200, False), path
        for path in (f"{pages}add/", f"{pages}{row.pk}/delete/"):
            assert admin_client.get(path).status_code == 403, path
    listed = f"{of_opie}sessionverification/"
    for tries, there in (("over", True), ("left", False)):
        assert (str(said.session_id) in staff.get(listed, {"tries": tries}).content.decode()) is there
    again = {"action": "try_again", "_selected_action": [str(verification.pk)]}
    staff.post(listed, again)
    assert verification_of(said.session_id, "customer").state == "given_up"
    for _ in range(2):
        assert admin_client.post(listed, again).status_code == 302
    assert verification_of(said.session_id, "customer").tries_left == 3
    entry = AuditEntry.objects.get(action="session.verification_reset")
    assert (entry.before, entry.actor) == ({"kind": "customer", "tries": 3}, "admin@example.com")

    sessions = f"{of_opie}agentossession/"
    for who, there in ((person.user.pk, (True, False)), (member.user.pk, (False, True)), ("visitors", (False, False))):
        shown = staff.get(sessions, {"person": str(who)}).content.decode()
        assert (str(said.session_id) in shown, str(theirs.pk) in shown) == there, who
    assert person.user.email in staff.get(sessions, {"person": "visitors"}).content.decode()
    assert staff.get(sessions, {"person": "x"}).status_code == 302


def test_an_agents_prompt_and_tools_are_changed_as_a_version(
    admin_client: Client, person: Person, agents: dict[str, Agent]
) -> None:
    agent = agents["helper"]
    Agent.objects.filter(pk=agent.pk).update(tools=["gone", "search_my_sessions", "calculate"])
    path = f"/admin/opie/agent/{agent.pk}/change/"
    page = admin_client.get(path)
    assert "gone (not there any more)" in page.content.decode()
    form = _form_of(page) | {"system_prompt": "Be brief.", "tools": ["calculate", "search_my_sessions"]}
    changed = admin_client.post(path, form)
    assert changed.status_code == 302, changed.context["errors"]
    agent.refresh_from_db()
    assert (agent.tools, agent.system_prompt, agent.version) == (["search_my_sessions", "calculate"], "Be brief.", 2)
    assert AuditEntry.objects.get(action="agent.changed").after["tools"] == agent.tools  # type: ignore[index]
    assert agent.versions.get().definition["system_prompt"] == "Be brief."
    said = admin_client.post(path, form | {"tools": ["no_such_tool"]}).content.decode()
    assert "no_such_tool is not one of the available choices" in said


def _form_of(page: Any) -> dict[str, Any]:
    """What a browser would send back of the page."""
    sent: dict[str, Any] = {}
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                sent[field.html_name] = "on" if value is True else value
    return sent
