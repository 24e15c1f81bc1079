"""What of AgentOS is let in: every route and every field, one by one. What is not here does not exist outside.

AgentOS passes any form field on to `arun`, so that a posted run_id or session_state would reach a run; a new version
may add routes. A list of what is allowed stays safe in both cases. docs/agentos.md explains it to callers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from apps.accounts.permissions import Permission

Kind = Literal[
    "text",
    "title",
    "flag",
    "number",
    "words",
    "own_user",
    "own_session",
    "own_sessions",
    "own_memories",
    "agent",
    "team",
    "type",
    "order",
    "decisions",
]
BodyType = Literal["none", "form", "json"]

_SEGMENTS = {
    "agent_id": r"[a-zA-Z0-9_-]{1,64}",
    "team_id": r"[a-zA-Z0-9_-]{1,64}",
    "session_id": r"[0-9a-fA-F-]{32,36}",
    "run_id": r"[0-9a-fA-F-]{32,36}",
    "memory_id": r"[0-9a-fA-F-]{32,36}",
}


@dataclass(frozen=True)
class Route:
    """One method on one path, and everything that may come with it."""

    method: str
    path: str
    permission: Permission
    query: Mapping[str, Kind] = field(default_factory=dict)
    body_type: BodyType = "none"
    body: Mapping[str, Kind] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    # Agno's own client sends every field it knows, as null where it has nothing to say.
    null_is_absent: frozenset[str] = frozenset()
    # Answered by Opie: Agno would act on its own process only.
    cancels: bool = False
    # What it decides is decided by Opie, on the rows (decisions.py); Agno is told only to go on.
    continues: bool = False
    # Its agent, or team when that is its type, must be named.
    makes_session: bool = False

    @property
    def asks_about_agents(self) -> bool:
        """Whether AgentOS looks at its list of agents for the answer."""
        return self.path.startswith(("/agents", "/teams"))

    @property
    def pattern(self) -> re.Pattern[str]:
        names = re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{_SEGMENTS[found[1]]})", self.path)
        return re.compile(names)


_VIEW, _RUN = Permission.VIEW_AGENTS, Permission.RUN_AGENTS
_PAGE: dict[str, Kind] = {
    "limit": "number",
    "page": "number",
    "sort_by": "title",
    "sort_order": "order",
    "user_id": "own_user",
}
_ONE: dict[str, Kind] = {"type": "type", "user_id": "own_user"}
_MEMORY: dict[str, Kind] = {"memory": "text", "topics": "words", "user_id": "own_user"}


def _of_kind(kinds: str, identifier: str) -> tuple[Route, ...]:
    one, run = f"/{kinds}/{{{identifier}}}", f"/{kinds}/{{{identifier}}}/runs"
    in_session: dict[str, Kind] = {"session_id": "own_session"}
    question: dict[str, Kind] = {
        "message": "text",
        "stream": "flag",
        "session_id": "own_session",
        "user_id": "own_user",
    }
    return (
        Route("GET", f"/{kinds}", _VIEW),
        Route("GET", one, _VIEW),
        Route("POST", run, _RUN, body_type="form", body=question, required=frozenset({"message"})),
        Route("GET", run, _VIEW, query={**in_session, "status": "title"}, required=frozenset({"session_id"})),
        Route("GET", f"{run}/{{run_id}}", _VIEW, query=in_session, required=frozenset({"session_id"})),
        Route("POST", f"{run}/{{run_id}}/cancel", _RUN, query=in_session, cancels=True),
        Route(
            "POST",
            f"{run}/{{run_id}}/continue",
            _RUN,
            body_type="form",
            body={
                "requirements" if kinds == "teams" else "tools": "decisions",
                "stream": "flag",
                "session_id": "own_session",
                "user_id": "own_user",
            },
            required=frozenset({"session_id"}),
            continues=True,
        ),
    )


def _sessions() -> tuple[Route, ...]:
    one = "/sessions/{session_id}"
    listed: dict[str, Kind] = {**_PAGE, "type": "type", "component_id": "title", "session_name": "title"}
    runs: dict[str, Kind] = {**_ONE, "created_after": "number", "created_before": "number", "status": "title"}
    made: dict[str, Kind] = {"session_name": "title", "agent_id": "agent", "team_id": "team", "user_id": "own_user"}
    return (
        Route("GET", "/sessions", _VIEW, query=listed),
        Route(
            "POST",
            "/sessions",
            _RUN,
            query={"type": "type"},
            body_type="json",
            body=made,
            makes_session=True,
            null_is_absent=frozenset({"session_id", "session_state", "metadata", "workflow_id"}),
        ),
        Route(
            "DELETE",
            "/sessions",
            _RUN,
            query={"user_id": "own_user"},
            body_type="json",
            body={"session_ids": "own_sessions", "session_types": "words", "user_id": "own_user"},
            required=frozenset({"session_ids", "session_types"}),
        ),
        Route("GET", one, _VIEW, query=_ONE),
        Route("GET", f"{one}/runs", _VIEW, query=runs),
        Route("GET", f"{one}/run-previews", _VIEW, query=runs),
        Route("GET", f"{one}/runs/{{run_id}}", _VIEW, query=_ONE),
        Route(
            "POST",
            f"{one}/rename",
            _RUN,
            query=_ONE,
            body_type="json",
            body={"session_name": "title"},
            required=frozenset({"session_name"}),
        ),
        Route("DELETE", one, _RUN, query={"user_id": "own_user"}),
    )


def _memories() -> tuple[Route, ...]:
    one = "/memories/{memory_id}"
    narrowed: dict[str, Kind] = {"topics": "title", "search_content": "title", "agent_id": "agent", "team_id": "team"}
    written = frozenset({"memory"})
    return (
        Route("GET", "/memories", _VIEW, query={**_PAGE, **narrowed}),
        Route("POST", "/memories", _RUN, body_type="json", body=_MEMORY, required=written),
        Route(
            "DELETE",
            "/memories",
            _RUN,
            body_type="json",
            body={"memory_ids": "own_memories", "user_id": "own_user"},
            required=frozenset({"memory_ids"}),
        ),
        Route("GET", one, _VIEW, query={"user_id": "own_user"}),
        Route("PATCH", one, _RUN, body_type="json", body=_MEMORY, required=written),
        Route("DELETE", one, _RUN, query={"user_id": "own_user"}),
        Route("GET", "/memory_topics", _VIEW, query={"user_id": "own_user"}),
        Route("GET", "/user_memory_stats", _VIEW, query={"limit": "number", "page": "number", "user_id": "own_user"}),
    )


LET_IN: tuple[Route, ...] = (*_of_kind("agents", "agent_id"), *_of_kind("teams", "team_id"), *_sessions(), *_memories())
_COMPILED = tuple((route, route.pattern) for route in LET_IN)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route that is let in, with the ids of its path; None for everything else."""
    for route, pattern in _COMPILED:
        if route.method == method and (found := pattern.fullmatch(path)):
            return route, found.groupdict()
    return None
