"""System checks: what is set up wrongly is said at start, not at the first message."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string


@register("opie")
def agentos_config_can_be_imported(**_: Any) -> list[CheckMessage]:
    try:
        import_string(settings.AGENTOS_CONFIG)
    except ImportError as error:
        hint = "AGENTOS_CONFIG must be the dotted path of a subclass of apps.opie.agentos.config.AgentOSConfig."
        return [Error(f"AGENTOS_CONFIG cannot be imported: {error}", hint=hint, id="opie.E001")]
    return []


@register("opie")
def pool_leaves_room(**_: Any) -> list[CheckMessage]:
    if settings.DATABASE_POOL_SIZE < 3:
        hint = "Set DATABASE_POOL_SIZE to at least 3: one connection for runs, one for tools, one for requests."
        return [Error("The database pool is too small.", hint=hint, id="opie.E002")]
    return []


@register("opie")
def what_hosts_register_fits(**_: Any) -> list[CheckMessage]:
    from apps.opie.tools.model_tools import MODEL_TOOLS, problems_of

    hint = "See docs/extending.md for what register_model takes."
    return [Error(problem, hint=hint, id="opie.E003") for made in MODEL_TOOLS for problem in problems_of(made)]


@register("opie")
def webhook_events_of_hosts_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import webhook_events

    hint = "See docs/extending.md for what register_webhook_event takes."
    return [Error(problem, hint=hint, id="opie.E006") for problem in webhook_events.problems()]


@register("opie")
def memory_schemas_of_hosts_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import profile_schemas

    hint = "See docs/extending.md for what register_memory_schema takes."
    return [Error(problem, hint=hint, id="opie.E007") for problem in profile_schemas.problems()]


@register("opie")
def agents_of_hosts_can_be_read(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine.default_agents import catalogue_of_hosts
    from apps.opie.tools.registry import TOOLS

    hint = "See docs/extending.md for what a file of an agent looks like."
    try:
        found = catalogue_of_hosts()
    except (ValueError, LookupError) as error:
        return [Error(str(error), hint=hint, id="opie.E004")]
    return [
        Error(f"{default.agent_id} has tools that nobody registers: {', '.join(unknown)}.", hint=hint, id="opie.E005")
        for default in found
        if (unknown := sorted(set(default.definition.get("tools", [])) - TOOLS.keys()))
    ]


@register("opie")
def dashboard_cards_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.metrics.dashboard_cards import problems_of_cards

    hint = "See docs/extending.md for what register_dashboard_card takes."
    return [Error(problem, hint=hint, id="opie.E009") for problem in problems_of_cards()]


@register("opie")
def verifications_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import verification_steps

    hint = "See docs/extending.md for what register_verification takes."
    return [Error(problem, hint=hint, id="opie.E008") for problem in verification_steps.problems()]


@register("opie")
def keyword_routes_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.providers.keyword_routes import problems_of_routes

    hint = "See docs/extending.md for what register_keyword_route takes."
    return [Error(problem, hint=hint, id="opie.E010") for problem in problems_of_routes()]
