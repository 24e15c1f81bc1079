"""Every address of the web process × everyone who might call it. An address without a row here fails.

The calls ask with the ids of things that belong to the owner of a team. `else` owns another team, so that only what is
theirs or everybody's is open to them. A 400 or 422 says: let in, and told what is wrong with an empty body.
"""

import asyncio
import re
from typing import Any

import pytest

from tests.architecture.callers import Caller, every_route, make_callers, make_things
from tests.architecture.open_addresses import OPEN
from tests.architecture.page_addresses import PAGES

# (owner, member, viewer, else). Nobody, a revoked key and a suspended person get 401 from every one of these.
REST: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("GET", "/api/schema/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/info/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/agents/"): (200, 200, 200, 200),
    ("POST", "/api/v1/agentos/create-session/"): (201, 201, 403, 404),
    ("GET", "/api/v1/agentos/sessions/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/sessions/<uuid:session_id>/"): (200, 404, 404, 404),
    ("PATCH", "/api/v1/agentos/sessions/<uuid:session_id>/"): (200, 404, 403, 404),
    ("DELETE", "/api/v1/agentos/sessions/<uuid:session_id>/"): (204, 404, 403, 404),
    ("GET", "/api/v1/agentos/sessions/<uuid:session_id>/messages/"): (200, 404, 404, 404),
    ("POST", "/api/v1/agentos/sessions/<uuid:session_id>/branch/"): (400, 400, 403, 400),
    ("POST", "/api/v1/agentos/sessions/<uuid:session_id>/person/"): (200, 404, 403, 404),
    ("DELETE", "/api/v1/agentos/sessions/<uuid:session_id>/person/"): (200, 404, 403, 404),
    ("POST", "/api/v1/agentos/send-message/"): (200, 404, 403, 404),
    ("GET", "/api/v1/conversations/"): (200, 200, 200, 200),
    ("POST", "/api/v1/conversations/"): (201, 201, 403, 404),
    ("GET", "/api/v1/conversations/export/"): (200, 200, 200, 200),
    ("POST", "/api/v1/conversations/import/"): (400, 400, 403, 400),
    ("GET", "/api/v1/conversations/<uuid:conversation_id>/"): (200, 404, 404, 404),
    ("GET", "/api/v1/conversations/<uuid:conversation_id>/export/"): (200, 404, 404, 404),
    ("PATCH", "/api/v1/conversations/<uuid:conversation_id>/"): (200, 404, 403, 404),
    ("DELETE", "/api/v1/conversations/<uuid:conversation_id>/"): (204, 404, 403, 404),
    ("GET", "/api/v1/conversations/<uuid:conversation_id>/messages/"): (200, 404, 404, 404),
    ("DELETE", "/api/v1/conversations/<uuid:conversation_id>/clear_history/"): (200, 404, 403, 404),
    ("POST", "/api/v1/conversations/<uuid:conversation_id>/continue_from_message/"): (400, 400, 403, 400),
    ("GET", "/api/v1/conversations/<uuid:conversation_id>/preferences/"): (403, 404, 404, 404),
    ("PATCH", "/api/v1/conversations/<uuid:conversation_id>/preferences/"): (403, 404, 403, 404),
    ("DELETE", "/api/v1/conversations/<uuid:conversation_id>/preferences/"): (403, 404, 404, 404),
    ("GET", "/api/v1/agentos/memory-profiles/"): (200, 200, 200, 200),
    ("DELETE", "/api/v1/agentos/memory-profiles/"): (204, 204, 204, 204),
    ("GET", "/api/v1/agentos/memory-profiles/<str:name>/"): (404, 404, 404, 404),
    ("PATCH", "/api/v1/agentos/memory-profiles/<str:name>/"): (404, 404, 403, 404),
    ("DELETE", "/api/v1/agentos/memory-profiles/<str:name>/"): (404, 404, 404, 404),
    ("GET", "/api/v1/conversations/statistics/"): (200, 200, 200, 200),
    ("POST", "/api/v1/messages/<uuid:message_id>/react/"): (200, 404, 404, 404),
    ("DELETE", "/api/v1/messages/<uuid:message_id>/react/"): (204, 404, 404, 404),
    ("POST", "/api/v1/chat/"): (200, 404, 403, 404),
    ("POST", "/api/v1/chat/<uuid:thread_id>/resume/"): (400, 400, 403, 400),
    ("GET", "/api/v1/agentos/runs/"): (200, 200, 200, 200),
    ("POST", "/api/v1/agentos/runs/"): (202, 202, 403, 404),
    ("GET", "/api/v1/agentos/runs/<uuid:run_id>/"): (200, 404, 404, 404),
    ("GET", "/api/v1/agentos/runs/<uuid:run_id>/events/"): (200, 404, 404, 404),
    ("POST", "/api/v1/agentos/runs/<uuid:run_id>/cancel/"): (202, 404, 403, 404),
    ("GET", "/api/v1/agentos/memories/"): (200, 200, 200, 200),
    ("POST", "/api/v1/agentos/memories/"): (400, 400, 403, 400),
    ("DELETE", "/api/v1/agentos/memories/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/memories/<uuid:memory_id>/"): (200, 404, 404, 404),
    ("PATCH", "/api/v1/agentos/memories/<uuid:memory_id>/"): (200, 404, 403, 404),
    ("DELETE", "/api/v1/agentos/memories/<uuid:memory_id>/"): (204, 404, 404, 404),
    ("GET", "/api/v1/agentos/schedules/"): (200, 200, 200, 200),
    ("POST", "/api/v1/agentos/schedules/"): (400, 400, 403, 400),
    ("GET", "/api/v1/agentos/schedules/<uuid:schedule_id>/"): (200, 404, 404, 404),
    ("PATCH", "/api/v1/agentos/schedules/<uuid:schedule_id>/"): (200, 404, 403, 404),
    ("DELETE", "/api/v1/agentos/schedules/<uuid:schedule_id>/"): (204, 404, 403, 404),
    ("GET", "/api/v1/agentos/approvals/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/approvals/<uuid:approval_id>/"): (200, 404, 404, 404),
    ("POST", "/api/v1/agentos/approvals/<uuid:approval_id>/approve/"): (200, 404, 403, 404),
    ("POST", "/api/v1/agentos/approvals/<uuid:approval_id>/reject/"): (200, 404, 403, 404),
    ("POST", "/api/v1/agentos/schedules/<uuid:schedule_id>/run/"): (202, 404, 403, 404),
    ("GET", "/api/v1/agentos/support/"): (200, 403, 403, 200),
    ("GET", "/api/v1/agentos/support/<uuid:session_id>/"): (404, 403, 403, 404),
    ("POST", "/api/v1/agentos/support/<uuid:session_id>/take-over/"): (404, 403, 403, 404),
    ("POST", "/api/v1/agentos/support/<uuid:session_id>/hand-back/"): (404, 403, 403, 404),
    ("POST", "/api/v1/agentos/support/<uuid:session_id>/reply/"): (404, 403, 403, 404),
    ("GET", "/api/v1/agentos/widgets/"): (200, 200, 403, 200),
    ("POST", "/api/v1/agentos/widgets/"): (400, 400, 403, 400),
    ("GET", "/api/v1/agentos/widgets/<uuid:widget_id>/"): (200, 404, 403, 404),
    ("PATCH", "/api/v1/agentos/widgets/<uuid:widget_id>/"): (200, 404, 403, 404),
    ("DELETE", "/api/v1/agentos/widgets/<uuid:widget_id>/"): (204, 404, 403, 404),
    ("GET", "/api/v1/agentos/webhooks/"): (200, 403, 403, 200),
    ("POST", "/api/v1/agentos/webhooks/"): (400, 403, 403, 400),
    ("GET", "/api/v1/agentos/webhooks/<uuid:webhook_id>/"): (200, 403, 403, 404),
    ("PATCH", "/api/v1/agentos/webhooks/<uuid:webhook_id>/"): (200, 403, 403, 404),
    ("POST", "/api/v1/agentos/webhooks/<uuid:webhook_id>/rotate/"): (200, 403, 403, 404),
    ("GET", "/api/v1/agentos/webhooks/<uuid:webhook_id>/events/"): (200, 403, 403, 404),
    ("POST", "/api/v1/agentos/webhooks/events/<uuid:event_id>/retry/"): (202, 403, 403, 404),
    ("DELETE", "/api/v1/agentos/webhooks/<uuid:webhook_id>/"): (204, 403, 403, 404),
    ("GET", "/api/v1/agentos/metrics/usage/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/metrics/performance/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/metrics/errors/"): (200, 200, 200, 200),
    ("GET", "/api/v1/agentos/metrics/errors/<uuid:error_id>/"): (200, 404, 200, 404),
    ("PATCH", "/api/v1/agentos/metrics/errors/<uuid:error_id>/"): (200, 404, 403, 404),
    ("GET", "/api/v1/agents/"): (200, 200, 200, 200),
    ("POST", "/api/v1/agents/"): (400, 400, 403, 400),
    ("POST", "/api/v1/agents/<str:agent_id>/execute/"): (200, 200, 403, 404),
    ("POST", "/api/v1/dispatcher/select/"): (200, 200, 403, 200),
    ("POST", "/api/v1/dispatcher/execute/"): (409, 409, 403, 409),
    ("GET", "/api/v1/dispatcher/decisions/"): (200, 200, 200, 200),
    ("GET", "/api/v1/dispatcher/figures/"): (200, 200, 200, 200),
    ("GET", "/api/v1/executions/"): (200, 200, 200, 200),
    ("GET", "/api/v1/executions/<uuid:execution_id>/"): (200, 404, 404, 404),
    ("POST", "/api/v1/executions/<uuid:execution_id>/cancel/"): (202, 404, 403, 404),
    ("GET", "/api/v1/agents/<str:agent_id>/"): (200, 200, 200, 404),
    ("PUT", "/api/v1/agents/<str:agent_id>/"): (200, 403, 403, 404),
    ("PATCH", "/api/v1/agents/<str:agent_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/agents/<str:agent_id>/"): (204, 403, 403, 404),
    ("GET", "/api/v1/commands/"): (200, 200, 200, 200),
    ("POST", "/api/v1/commands/"): (400, 400, 403, 400),
    ("GET", "/api/v1/commands/categories/"): (200, 200, 200, 200),
    ("GET", "/api/v1/commands/export/"): (200, 200, 200, 200),
    ("POST", "/api/v1/commands/import/"): (400, 400, 403, 400),
    ("POST", "/api/v1/commands/recommend/"): (400, 400, 400, 400),
    ("GET", "/api/v1/commands/statistics/"): (200, 200, 200, 200),
    ("GET", "/api/v1/commands/<str:slug>/"): (200, 200, 200, 404),
    ("PATCH", "/api/v1/commands/<str:slug>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/commands/<str:slug>/"): (204, 403, 403, 404),
    ("POST", "/api/v1/commands/<str:slug>/execute/"): (200, 200, 403, 404),
    ("PUT", "/api/v1/commands/<str:slug>/favourite/"): (204, 204, 204, 404),
    ("DELETE", "/api/v1/commands/<str:slug>/favourite/"): (204, 204, 204, 404),
    ("POST", "/api/v1/commands/<str:slug>/preview/"): (200, 200, 200, 404),
    ("GET", "/api/v1/commands/<str:slug>/schema/"): (200, 200, 200, 404),
    ("GET", "/api/v1/commands/<str:slug>/statistics/"): (200, 200, 200, 404),
    ("GET", "/api/v1/commands/<str:slug>/versions/"): (200, 200, 200, 404),
    ("POST", "/api/v1/commands/<str:slug>/versions/"): (200, 403, 403, 404),
    ("GET", "/api/v1/knowledge/bases/"): (200, 200, 200, 200),
    ("POST", "/api/v1/knowledge/bases/"): (400, 400, 403, 400),
    ("GET", "/api/v1/knowledge/bases/<uuid:base_id>/"): (200, 200, 200, 404),
    ("PATCH", "/api/v1/knowledge/bases/<uuid:base_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/knowledge/bases/<uuid:base_id>/"): (204, 403, 403, 404),
    ("POST", "/api/v1/knowledge/bases/<uuid:base_id>/search/"): (200, 200, 200, 404),
    ("GET", "/api/v1/knowledge/bases/<uuid:base_id>/embedding/"): (200, 200, 200, 404),
    ("PUT", "/api/v1/knowledge/bases/<uuid:base_id>/embedding/"): (400, 403, 403, 404),
    ("DELETE", "/api/v1/knowledge/bases/<uuid:base_id>/embedding/"): (204, 403, 403, 404),
    ("GET", "/api/v1/knowledge/passages/<uuid:chunk_id>/"): (200, 200, 200, 404),
    ("GET", "/api/v1/knowledge/bases/<uuid:base_id>/documents/"): (200, 200, 200, 404),
    ("POST", "/api/v1/knowledge/bases/<uuid:base_id>/documents/"): (400, 403, 403, 404),
    ("GET", "/api/v1/knowledge/bases/<uuid:base_id>/documents/<uuid:document_id>/"): (200, 200, 200, 404),
    ("PUT", "/api/v1/knowledge/bases/<uuid:base_id>/documents/<uuid:document_id>/"): (400, 403, 403, 404),
    ("PATCH", "/api/v1/knowledge/bases/<uuid:base_id>/documents/<uuid:document_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/knowledge/bases/<uuid:base_id>/documents/<uuid:document_id>/"): (204, 403, 403, 404),
    ("POST", "/api/v1/knowledge/bases/<uuid:base_id>/documents/<uuid:document_id>/read/"): (202, 403, 403, 404),
    ("GET", "/api/v1/knowledge/bases/<uuid:base_id>/documents/<uuid:document_id>/chunks/"): (200, 200, 200, 404),
    ("GET", "/api/v1/knowledge/bases/<uuid:base_id>/sources/"): (200, 200, 200, 404),
    ("POST", "/api/v1/knowledge/bases/<uuid:base_id>/sources/"): (400, 403, 403, 404),
    ("GET", "/api/v1/knowledge/bases/<uuid:base_id>/sources/<uuid:source_id>/"): (200, 200, 200, 404),
    ("PATCH", "/api/v1/knowledge/bases/<uuid:base_id>/sources/<uuid:source_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/knowledge/bases/<uuid:base_id>/sources/<uuid:source_id>/"): (204, 403, 403, 404),
    ("POST", "/api/v1/knowledge/bases/<uuid:base_id>/sources/<uuid:source_id>/sync/"): (202, 403, 403, 404),
    ("GET", "/api/v1/platforms/"): (200, 200, 200, 200),
    ("POST", "/api/v1/platforms/"): (400, 403, 403, 400),
    ("GET", "/api/v1/platforms/<uuid:platform_id>/"): (200, 200, 200, 404),
    ("PATCH", "/api/v1/platforms/<uuid:platform_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/platforms/<uuid:platform_id>/"): (204, 403, 403, 404),
    ("POST", "/api/v1/platforms/<uuid:platform_id>/test/"): (200, 403, 403, 404),
    ("GET", "/api/v1/model-tiers/"): (200, 200, 200, 200),
    ("GET", "/api/v1/model-tiers/<str:tier>/"): (200, 200, 200, 200),
    ("PUT", "/api/v1/model-tiers/<str:tier>/"): (400, 403, 403, 400),
    ("GET", "/api/v1/budgets/"): (200, 200, 200, 200),
    ("POST", "/api/v1/budgets/"): (400, 403, 403, 400),
    ("GET", "/api/v1/budgets/<uuid:budget_id>/"): (200, 404, 404, 404),
    ("PATCH", "/api/v1/budgets/<uuid:budget_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/budgets/<uuid:budget_id>/"): (204, 403, 403, 404),
    ("GET", "/api/v1/limits/"): (200, 200, 200, 200),
    ("POST", "/api/v1/limits/"): (400, 403, 403, 400),
    ("GET", "/api/v1/limits/<uuid:limit_id>/"): (200, 200, 200, 404),
    ("PATCH", "/api/v1/limits/<uuid:limit_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/limits/<uuid:limit_id>/"): (204, 403, 403, 404),
    ("GET", "/api/v1/prices/"): (200, 200, 200, 200),
    ("POST", "/api/v1/prices/"): (400, 403, 403, 400),
    ("POST", "/api/v1/prices/rerate/"): (400, 403, 403, 400),
    ("GET", "/api/v1/api-keys/"): (200, 200, 200, 200),
    ("POST", "/api/v1/api-keys/"): (400, 400, 400, 400),
    ("DELETE", "/api/v1/api-keys/<uuid:key_id>/"): (204, 404, 404, 404),
    ("GET", "/api/v1/system/status/"): (200, 200, 200, 200),
    ("GET", "/api/v1/system-info/"): (200, 200, 200, 200),
    ("GET", "/api/v1/system/models/"): (200, 200, 200, 200),
    ("POST", "/api/v1/system/models/configure/"): (400, 403, 403, 400),
    ("POST", "/api/v1/users/bulk_delete/"): (403, 403, 403, 403),
    ("GET", "/api/v1/teams/"): (200, 200, 200, 200),
    ("POST", "/api/v1/teams/"): (400, 400, 400, 400),
    ("GET", "/api/v1/teams/<uuid:team_id>/"): (200, 200, 200, 404),
    ("PATCH", "/api/v1/teams/<uuid:team_id>/"): (200, 403, 403, 404),
    ("GET", "/api/v1/teams/<uuid:team_id>/invitations/"): (200, 403, 403, 404),
    ("POST", "/api/v1/teams/<uuid:team_id>/invitations/"): (201, 403, 403, 404),
    ("DELETE", "/api/v1/teams/<uuid:team_id>/invitations/<uuid:invitation_id>/"): (204, 403, 403, 404),
    ("GET", "/api/v1/teams/<uuid:team_id>/members/"): (200, 200, 200, 404),
    ("PATCH", "/api/v1/teams/<uuid:team_id>/members/<uuid:user_id>/"): (200, 403, 403, 404),
    ("DELETE", "/api/v1/teams/<uuid:team_id>/members/<uuid:user_id>/"): (204, 403, 403, 404),
    ("POST", "/api/v1/invitations/accept/"): (400, 400, 400, 400),
    ("POST", "/api/v1/auth/logout/"): (204, 204, 204, 204),
    # The last, because nothing of the owner's is left after it.
    ("DELETE", "/api/v1/teams/<uuid:team_id>/"): (204, 403, 403, 404),
}

# A page to try the API: led to the sign-in by the browser's rules, refused by REST's when a credential does not hold.
SWAGGER = "/api/schema/swagger-ui/"

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/agentos/create-session/"): {"agent_id": "agent_id"},
    ("POST", "/api/v1/agentos/send-message/"): {
        "agent_id": "agent_id", "session_id": "session_id", "message": "What is 1 + 1?",
    },
    ("POST", "/api/v1/messages/<uuid:message_id>/react/"): {"reaction": "thumbs_up"},
    ("POST", "/api/v1/chat/"): {"thread_id": "thread_id", "message": "What is 1 + 1?"},
    ("POST", "/api/v1/knowledge/bases/<uuid:base_id>/search/"): {"query": "What is there?"},
    ("POST", "/api/v1/agentos/runs/"): {"agent_id": "agent_id", "message": "What is 1 + 1?"},
    ("POST", "/api/v1/agents/<str:agent_id>/execute/"): {"input_data": {"message": "What is 1 + 1?"}},
    ("POST", "/api/v1/dispatcher/select/"): {"task_description": "Feed the fish"},
    ("POST", "/api/v1/dispatcher/execute/"): {"task_description": "Feed the fish"},
    ("POST", "/api/v1/commands/<str:slug>/versions/"): {"version": 1},
    ("PATCH", "/api/v1/teams/<uuid:team_id>/"): {"name": "Ours"},
    ("POST", "/api/v1/teams/<uuid:team_id>/invitations/"): {"email": "new@example.com", "role": "viewer"},
    ("PATCH", "/api/v1/teams/<uuid:team_id>/members/<uuid:user_id>/"): {"role": "viewer"},
}  # fmt: skip
COLUMNS = ("owner", "member", "viewer", "else")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.OPIE_OFFLINE_PAUSE_MS = 0
    settings.AGENTOS_ENABLED = False


def address(route: str, things: dict[str, str]) -> str:
    path = re.sub(r"<\w+:(\w+)>", lambda found: things[found[1]], route)
    path = path.replace(r"(?P<key>[-:\w]+)/$", "no-key/")
    return path.replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$", "1-no-key/")


def ask(caller: Caller, row: tuple[str, str], things: dict[str, str]) -> int:
    method, route = row
    said = BODIES.get(row, {}).items()
    body = {name: things.get(value, value) if isinstance(value, str) else value for name, value in said}
    return int(caller.call(method, address(route, things), body).status_code)


def test_every_address_has_a_row() -> None:
    known = {route for _, route in (*REST, *PAGES, *OPEN)} | {SWAGGER}
    assert every_route() == known


def test_rest() -> None:
    owner, callers = make_callers()
    for row, statuses in REST.items():
        things = make_things(owner)
        got = {caller.name: ask(caller, row, things) for caller in callers}
        outside = dict.fromkeys(("nobody", "revoked", "suspended"), 401)
        assert got == outside | dict(zip(COLUMNS, statuses, strict=True)), row


def test_pages() -> None:
    owner, callers = make_callers()
    for row, statuses in PAGES.items():
        things = make_things(owner)
        got = {caller.name: ask(caller, row, things) for caller in callers}
        outside = dict.fromkeys(("nobody", "revoked", "suspended"), 302)
        assert got == outside | dict(zip(COLUMNS, statuses, strict=True)), row


def test_what_is_open() -> None:
    owner, callers = make_callers()
    things = make_things(owner)
    for row, (nobody, signed_in) in OPEN.items():
        for caller in callers:
            expected = nobody if caller.name in ("nobody", "revoked", "suspended") else signed_in
            assert ask(caller, row, things) == expected, (row, caller.name)
    got = {caller.name: ask(caller, ("GET", SWAGGER), things) for caller in callers}
    assert got == {"nobody": 302, "revoked": 401, "suspended": 401} | dict.fromkeys(COLUMNS, 200)


def test_methods_without_a_row_are_refused() -> None:
    """Whoever adds a method to an address adds a row."""
    owner, callers = make_callers()
    caller = next(one for one in callers if one.name == "owner")
    things = make_things(owner)
    for route in sorted({route for _, route in REST}):
        for method in METHODS:
            if (method, route) not in REST:
                assert ask(caller, (method, route), things) == 405, (method, route)


def test_who_is_led_to_the_sign_in_comes_back() -> None:
    _, callers = make_callers()
    nobody = callers[0].call("GET", "/agentos/history/", None)
    assert nobody["Location"] == "/accounts/login/?next=/agentos/history/"


def test_static_files_are_open_and_nothing_else_is_served_with_them(settings: Any) -> None:
    from config.static import with_static_files

    async def get(path: str) -> int:
        said: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(60)  # the client stays, and says nothing more
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        async def beyond(*_: Any) -> None:
            said.append({"status": 0})

        await with_static_files(beyond)({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
        return int(said[0]["status"])

    assert asyncio.run(get("/static/admin/css/base.css")) == 200
    for path in ("/static/", "/static/nothing.css", "/static/../config/settings.py", "/static/%2e%2e/manage.py",
                 "/static//etc/passwd", "/static/admin/../../manage.py", "/static/a\x00b"):  # fmt: skip
        assert asyncio.run(get(path)) == 404, path
    assert asyncio.run(get("/agentos/")) == 0
