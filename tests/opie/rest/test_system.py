"""/api/v1/system/: how the installation is doing, and local models that are switched while the store's team answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.accounts.models import AuditEntry, User
from apps.accounts.principal import principal_for
from apps.accounts.tokens import issue_pair
from apps.opie import rows
from apps.opie.metrics import machine, system
from apps.opie.models import Agent, AgentOSPerformance, AgentOSRun, AgentOSSession, AIPlatform, LLMModel, SystemMetrics
from apps.opie.models.platforms import ApiType
from apps.opie.providers.clients import close_clients
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer


def configure(who: Person, row: LLMModel, headers: Any = None, **body: Any) -> Any:
    return call("POST", "system/models/configure/", {"model_id": str(row.pk)} | body, headers or who.headers)


def operator(person: Person) -> Person:
    person.user.is_superuser = person.user.is_staff = True
    person.user.save()
    return Person(person.user, person.team, principal_for(person.user, person.team), issue_pair(person.user).access)


async def test_the_stores_team_calls_what_is_switched_on(person: Person) -> None:
    async with VendorServer().will(Reply("Hello!")) as vendor:
        vendor.models = ["llama3.2:latest"]
        row, boss = await rows.run(_store, person, vendor.url)
        for body, model in (
            ({}, "cloud-model"),
            ({"active": True}, "llama3.2"),
            ({"active": True, "parameters": {"agents": ["music_agent"]}}, "cloud-model"),
            ({"parameters": {"agents": ["music_agent", "supervisor"], "max_tokens": 7}}, "llama3.2"),
            ({"active": False}, "cloud-model"),
        ):
            await rows.run(_switch_and_say, boss, row, body)
            assert vendor.asked[-1].body["model"] == model, body
    await close_clients()
    entries = await rows.run(lambda: list(AuditEntry.objects.filter(action="llm_model.configured").order_by("id")))
    assert entries[0].before == {"active": False, "parameters": {}}
    assert entries[-1].after == {
        "active": False, "parameters": {"agents": ["music_agent", "supervisor"], "max_tokens": 7},
    }  # fmt: skip


def _store(person: Person, url: str) -> tuple[LLMModel, Person]:
    call_command("create_default_agents", verbosity=0)
    cloud = {"platform_name": "cloud", "api_type": ApiType.OPENAI_COMPATIBLE, "base_url": f"{url}/v1"}
    AIPlatform.objects.create(**cloud, default_model="cloud-model")
    ollama = AIPlatform.objects.create(
        platform_name="ollama", api_type=ApiType.OLLAMA, base_url=url, default_model="x", priority=900
    )
    return LLMModel.objects.create(name="llama3.2", provider="ollama", platform=ollama), operator(person)


def _switch_and_say(boss: Person, row: LLMModel, body: dict[str, Any]) -> None:
    if body:
        answer = configure(boss, row, **body)
        assert answer.status_code == 200, answer.content
        if body.get("active"):
            assert answer.json()["check"]["state"] == "ready"
    said = call("POST", "agentos/send-message/", {"agent_id": "supervisor", "message": "Good morning"}, boss.headers)
    assert said.status_code == 200, said.content


def test_who_may_switch_what(person: Person, member: Person, stranger: Person, agents: dict[str, Agent]) -> None:
    ollama = AIPlatform.objects.create(
        platform_name="ollama", api_type=ApiType.OLLAMA, default_model="x", base_url="http://127.0.0.1:9", timeout=1
    )
    ours = LLMModel.objects.create(
        name="ours", provider="ollama", platform=ollama, team=person.team, model_path="/secret/file"
    )
    common = LLMModel.objects.create(name="all", provider="ollama", platform=ollama)
    assert error_of(configure(stranger, ours, active=True))["code"] == "model_not_found"
    assert (configure(person, common, active=True).status_code, configure(member, ours, active=True).status_code) == (
        403, 403,
    )  # fmt: skip
    assert not LLMModel.objects.filter(is_active=True).exists()
    said = configure(person, ours, active=True).json()
    assert (said["active"], said["check"]["state"], "ollama serve" in said["check"]["message"]) == (
        True, "unreachable", True,
    )  # fmt: skip
    for wrong in (
        {},
        {"active": "perhaps"},
        {"parameters": {"agents": ["foreign"]}},
        {"parameters": {"base_url": "x"}},
        {"active": True, "name": "x"},
    ):
        assert error_of(configure(person, ours, **wrong))["code"] == "invalid_input", wrong
    found = call("GET", "system/models/", headers=member.headers).json()
    assert [(one["name"], one["active"], one["may_configure"]) for one in found["results"]] == [
        ("all", False, False), ("ours", True, False),
    ]  # fmt: skip
    assert "/secret/file" not in str(found)
    assert {one["platform"]: one["models"] for one in found["platforms"]}["ollama"] == ["x"]
    assert "ours" not in str(call("GET", "system/models/", headers=stranger.headers).json())
    boss = operator(stranger)
    assert configure(boss, common, active=True).status_code == 200
    _, of_key = make_key(boss, "manage_platforms", "view_agents")
    assert configure(boss, common, of_key, active=False).status_code == 403  # a key is no superuser


def test_what_is_said_of_the_configuration_depends_on_who_asks(person: Person, viewer: Person) -> None:
    AIPlatform.objects.create(platform_name="openai", api_type="openai", api_key="sk-canary", default_model="m")
    plain = call("GET", "system-info/", headers=viewer.headers).json()
    assert set(plain) == {"name", "api", "versions", "counts", "features"}
    whole = call("GET", "system-info/", headers=operator(person).headers)
    assert whole.json()["configuration"]["platforms_with_key"] == ["openai"]
    assert "sk-canary" not in whole.content.decode()


def test_who_runs_the_installation_needs_no_team(person: Person, stranger: Person, agents: dict[str, Agent]) -> None:
    """As `createsuperuser` makes them."""
    root = User.objects.create_user("root@example.com", is_staff=True, is_superuser=True)
    nobody = User.objects.create_user("newcomer@example.com")
    headers, of_nobody = ({"Authorization": f"Bearer {issue_pair(user).access}"} for user in (root, nobody))
    ollama = AIPlatform.objects.create(
        platform_name="ollama", api_type=ApiType.OLLAMA, default_model="x", base_url="http://127.0.0.1:9", timeout=1
    )
    row = LLMModel.objects.create(name="all", provider="ollama", platform=ollama)
    AgentOSSession.objects.create(user=stranger.user, team=stranger.team)
    paths = ("system/status/", "system-info/", "system/models/")
    counted = {}
    for path in paths:
        seen, closed = call("GET", path, headers=headers), call("GET", path, headers=of_nobody)
        assert (seen.status_code, closed.status_code) == (200, 403), path
        assert "make a team" in error_of(closed)["message"]
        counted[path] = [
            call("GET", path, headers=who).json().get("counts", {}).get("sessions")
            for who in (headers, person.headers, stranger.headers)
        ]
    # Who only belongs to a team is told of that team.
    assert counted == {"system/status/": [1, 0, 1], "system-info/": [1, 0, 1], "system/models/": [None] * 3}
    assert call("GET", "agentos/info/", headers=person.headers).json()["counts"]["sessions"] == 0
    assert configure(person, row, headers, active=True).json()["active"] is True
    assert configure(person, row, of_nobody, active=False).status_code == 403
    # Everything else belongs to teams: they are told to join one, or to make one.
    for method, path in (("GET", "agents/"), ("GET", "conversations/"), ("POST", "chat/"), ("POST", "conversations/")):
        closed = call(method, path, {} if method == "POST" else None, headers)
        assert (closed.status_code, "make a team" in error_of(closed)["message"]) == (403, True), path
    assert call("POST", "teams/", {"name": "Operators"}, headers).status_code == 201
    assert call("GET", "agents/", headers=headers).status_code == 200


def test_each_minute_is_written_once_and_shown(person: Person, admin_client: Client) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    SystemMetrics.objects.create(minute=now - timedelta(days=31), live_runs=0, ended_runs=0)
    SystemMetrics.objects.create(minute=now - timedelta(hours=2), live_runs=0, ended_runs=0)
    for took in (100, 200, 900):
        run = AgentOSRun.objects.create(user=person.user, team=person.team)
        made = AgentOSPerformance.objects.create(run=run, duration_ms=took, time_to_first_token_ms=took // 10)
        AgentOSPerformance.objects.filter(pk=made.pk).update(created_at=now - timedelta(seconds=1))
    for _ in range(2):
        system.note_minute(now + timedelta(seconds=3))
    assert SystemMetrics.objects.count() == 2
    status = call("GET", "system/status/", headers=person.headers).json()
    assert status["status"] == "ok"
    figures = status["figures"]
    latest = figures["latest"]
    assert datetime.fromisoformat(latest["minute"]) == now.astimezone(UTC)
    assert (latest["live_runs"], latest["ended_runs"], latest["response_p50_ms"]) == (3, 3, 200)
    assert (latest["response_p95_ms"], latest["first_token_p50_ms"], len(figures["last_hour"])) == (830, 20, 1)
    assert 0 < latest["memory_percent"] < 100
    page = admin_client.get("/admin/opie/systemmetrics/").content.decode()
    assert "830" in page
    assert admin_client.get("/admin/opie/systemmetrics/add/").status_code == 403


def test_what_linux_tells_of_the_machine(tmp_path: Any) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2\n")
    before = machine.processors(stat)
    stat.write_text("cpu  130 0 120 740 110 0 0 0 0 0\n")
    after = machine.processors(stat)
    assert (before, after) == (machine.Processors(200, 1000), machine.Processors(250, 1100))
    assert after is not None
    assert (after.percent_since(before), after.percent_since(None), after.percent_since(after)) == (50.0, None, None)
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 4096000 kB\nMemFree: 1 kB\nMemAvailable: 1024000 kB\n")
    assert machine.memory(meminfo) == (75.0, 3000)
    for unusable in ("", "cpu\n", "MemTotal: x kB\n"):
        stat.write_text(unusable)
        assert (machine.processors(stat), machine.memory(stat)) == (None, None)
    assert machine.memory(tmp_path / "not there") is None
