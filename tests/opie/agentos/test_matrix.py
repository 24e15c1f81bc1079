"""Every route that is let in × everyone who may call it. A route without a row here fails."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from django.utils import timezone

from apps.accounts.models import ApiKey, Role
from apps.opie.agentos.letin import LET_IN
from apps.opie.models import Agent, AgentMember, AgentOSRun
from apps.opie.models.agents import AgentKind
from tests.opie.agentos.asking import BODIES, filled, make_things
from tests.opie.agentos.conftest import MakePerson, Person, make_agent
from tests.opie.agentos.serving import error_of

# route: (owner, member, viewer, somebody of another team), each asking with the owner's ids.
# Nobody, and a revoked key, get 401 everywhere.
EXPECTED: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("GET", "/agents"): (200, 200, 200, 200),
    ("GET", "/agents/{agent_id}"): (200, 200, 200, 404),
    ("POST", "/agents/{agent_id}/runs"): (200, 404, 403, 404),
    ("GET", "/agents/{agent_id}/runs"): (200, 404, 404, 404),
    ("GET", "/agents/{agent_id}/runs/{run_id}"): (200, 404, 404, 404),
    ("POST", "/agents/{agent_id}/runs/{run_id}/cancel"): (200, 404, 403, 404),
    ("POST", "/agents/{agent_id}/runs/{run_id}/continue"): (409, 404, 403, 404),
    ("GET", "/teams"): (200, 200, 200, 200),
    ("GET", "/teams/{team_id}"): (200, 200, 200, 404),
    ("POST", "/teams/{team_id}/runs"): (200, 404, 403, 404),
    ("GET", "/teams/{team_id}/runs"): (200, 404, 404, 404),
    ("GET", "/teams/{team_id}/runs/{run_id}"): (200, 404, 404, 404),
    ("POST", "/teams/{team_id}/runs/{run_id}/cancel"): (200, 404, 403, 404),
    ("POST", "/teams/{team_id}/runs/{run_id}/continue"): (409, 404, 403, 404),
    ("GET", "/sessions"): (200, 200, 200, 200),
    ("POST", "/sessions"): (201, 201, 403, 404),
    ("DELETE", "/sessions"): (204, 404, 403, 404),
    ("GET", "/sessions/{session_id}"): (200, 404, 404, 404),
    ("GET", "/sessions/{session_id}/runs"): (200, 404, 404, 404),
    ("GET", "/sessions/{session_id}/run-previews"): (200, 404, 404, 404),
    ("GET", "/sessions/{session_id}/runs/{run_id}"): (200, 404, 404, 404),
    ("POST", "/sessions/{session_id}/rename"): (200, 404, 403, 404),
    ("DELETE", "/sessions/{session_id}"): (204, 404, 403, 404),
    ("GET", "/memories"): (200, 200, 200, 200),
    ("POST", "/memories"): (200, 200, 403, 200),
    ("DELETE", "/memories"): (204, 404, 403, 404),
    ("GET", "/memories/{memory_id}"): (200, 404, 404, 404),
    ("PATCH", "/memories/{memory_id}"): (200, 404, 403, 404),
    ("DELETE", "/memories/{memory_id}"): (204, 404, 403, 404),
    ("GET", "/memory_topics"): (200, 200, 200, 200),
    ("GET", "/user_memory_stats"): (200, 200, 200, 200),
}
MORE: dict[tuple[str, str], Callable[[dict[str, str]], dict[str, Any]]] = {
    **BODIES,
    ("POST", "/sessions"): lambda ids: {"json": {"agent_id": ids["agent_id"]}},
    ("POST", "/memories"): lambda ids: {"json": {"memory": "x"}},
}


def test_every_route_for_everyone(
    http: httpx.Client,
    ann: Person,
    ben: Person,
    eve: Person,
    make_person: MakePerson,
    assistant: Agent,
    key_of: Callable[..., str],
) -> None:
    assert set(EXPECTED) == {(route.method, route.path) for route in LET_IN}
    crew = make_agent(ann.team, ann.user, "crew", kind=AgentKind.TEAM)
    AgentMember.objects.create(agent=crew, position=1, member=assistant)
    viewer = make_person("vi", Role.VIEWER)
    revoked = {"Authorization": f"Bearer {key_of(ann)}"}
    ApiKey.objects.update(revoked_at=timezone.now())
    callers = [
        ("viewer", viewer.headers, 2),
        ("member", ben.headers, 1),
        ("else", eve.headers, 3),
        ("owner", ann.headers, 0),
    ]
    for (method, path), statuses in EXPECTED.items():
        ids = make_things(ann, crew if path.startswith("/teams") else assistant)
        # As after its process died, so that a new message may come in.
        AgentOSRun.objects.filter(pk=ids["run_id"]).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        more = MORE.get((method, path), lambda ids: {})(ids)
        for headers in ({}, revoked):
            assert http.request(method, filled(path, **ids), headers=headers, **more).status_code == 401, (method, path)
        for name, headers, place in callers:
            answer = http.request(method, filled(path, **ids), headers=headers, **more)
            assert answer.status_code == statuses[place], (name, method, path, answer.text)
            if answer.status_code >= 400:
                error_of(answer)
