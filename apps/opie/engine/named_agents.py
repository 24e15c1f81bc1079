"""The agents that hosts' registrations name, held against the files that bring agents in.

An id of which there is no file is only warned of: an agent may be a row that people make on a page, and a check reads no rows.
"""

from collections import defaultdict
from collections.abc import Iterator

from apps.opie.engine import default_agents, hooks, profile_schemas, verification_steps
from apps.opie.engine.executions import agents as classes
from apps.opie.providers import keyword_routes, responders
from apps.opie.tools import registry


def unknown_agents() -> Iterator[str]:
    """One sentence for each id that is named and is in no file."""
    by_id: defaultdict[str, list[str]] = defaultdict(list)
    for agent_id, named_by in _named():
        if named_by not in by_id[agent_id]:
            by_id[agent_id].append(named_by)
    for agent_id in sorted(by_id.keys() - default_agents.agents_of_files()):
        yield f"No file is of the agent {agent_id!r}, which is named by {', '.join(by_id[agent_id])}."


def _named() -> Iterator[tuple[str, str]]:
    for step in verification_steps.registered():
        yield from ((agent_id, f"the verification of a {step.kind!r}") for agent_id in step.agent_ids)
    for schema in profile_schemas.SCHEMAS.values():
        yield from ((agent_id, f"the memory schema {schema.name!r}") for agent_id in schema.agent_ids)
    for hook in hooks.registered():
        if hook.agent_id is not None and not hook.is_opies:
            yield hook.agent_id, "register_hook"
    yield from ((agent_id, "register_responder") for agent_id in responders.agents_answered_for())
    yield from ((agent_id, "register_agent_class") for agent_id in classes.agents_with_classes())
    for team, routes in keyword_routes.ROUTES.items():
        yield team, "a keyword route"
        yield from ((route.member, "a keyword route") for route in routes)


def routes_past_members() -> Iterator[str]:
    """Keyword routes to agents that the team's file does not have as members."""
    for default in default_agents.readable_of_hosts():
        for route in keyword_routes.ROUTES.get(default.agent_id, ()):
            if route.member not in default.members:
                there = ", ".join(default.members) or "none: it is no team"
                yield (
                    f"The keyword route of {default.agent_id} leads to {route.member}, which is no member of it."
                    f" The members are {there}."
                )


def members_that_would_wait() -> Iterator[str]:
    """Teams that answer no message, because a tool of a member needs a yes and a member's calls cannot wait for one."""
    hosts = default_agents.readable_of_hosts()
    by_id = {default.agent_id: default for default in hosts}
    if any(set(default.members) - by_id.keys() for default in hosts):
        by_id = {default.agent_id: default for default in default_agents.catalogue()} | by_id
    for default in hosts:
        for member in [by_id[agent_id] for agent_id in default.members if agent_id in by_id]:
            for name in member.definition.get("tools", []):
                if name in registry.TOOLS and registry.TOOLS[name].approval is not None:
                    yield (
                        f"The team {default.agent_id} can answer nobody whose calls of {name} wait for a yes:"
                        f" {name} is a tool of its member {member.agent_id}."
                    )


def kinds_nobody_verifies() -> Iterator[str]:
    """Memory schemas of subjects of a kind that no conversation is verified for by a registered step."""
    kinds = {step.kind for step in verification_steps.registered()}
    for schema in profile_schemas.SCHEMAS.values():
        if schema.subject_kind is not None and schema.subject_kind not in kinds:
            yield f"The memory schema {schema.name!r} is of a {schema.subject_kind!r}, and nobody is verified as one."
