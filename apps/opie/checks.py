"""System checks: what is set up wrongly is said at start, not at the first message.

The hints say what a right registration looks like; docs/extending.md has an example of each.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string


def _errors(problems: Iterable[str], number: str, hint: str) -> list[CheckMessage]:
    return [Error(problem, hint=hint, id=f"opie.{number}") for problem in problems]


def _warnings(problems: Iterable[str], number: str, hint: str) -> list[CheckMessage]:
    return [Warning(problem, hint=hint, id=f"opie.{number}") for problem in problems]


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
    from apps.opie.tools.model_problems import problems_of_models

    hint = (
        "As in: register_model(Order, rows=lambda principal: Order.objects.filter(buyer=principal.user_id),"
        ' fields=["number"], search=["number"]).'
    )
    return _errors(problems_of_models(), "E003", hint)


@register("opie")
def agents_of_hosts_can_be_read(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import default_agents
    from apps.opie.tools.registry import TOOLS

    hint = "Mend the file. docs/extending.md, Agents and teams, shows one; docs/specialists.md has every field."
    unreadable = _errors(default_agents.problems_of_files(), "E004", hint)
    unregistered = (
        f"{default.agent_id} has tools that nobody registers: {', '.join(unknown)}."
        for default in default_agents.readable_of_hosts()
        if (unknown := sorted(set(default.definition.get("tools", [])) - TOOLS.keys()))
    )
    hint = "Register them with register_tool or register_model, or take them out of the file."
    return unreadable + _errors(unregistered, "E005", hint)


@register("opie")
def webhook_events_of_hosts_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import webhook_events

    hint = (
        "As in: def shipped(event: IncomingEvent) -> dict[str, int];"
        ' register_webhook_event("order_shipped", shipped, schema=Shipped), a pydantic model.'
    )
    return _errors(webhook_events.problems(), "E006", hint)


@register("opie")
def memory_schemas_of_hosts_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import named_agents, profile_schemas

    hint = (
        "As in: class Habits(BaseModel): sizes: list[str] = [];"
        ' register_memory_schema("habits", Habits, agent_ids=["shop-support"], label="Habits").'
    )
    unverified = (
        "Say subject_kind=None for what is only of users, or register_verification for that kind. Where your own code"
        " says who it is, with bind_subject, put opie.W002 into SILENCED_SYSTEM_CHECKS."
    )
    return [
        *_errors(profile_schemas.problems(), "E007", hint),
        *_warnings(named_agents.kinds_nobody_verifies(), "W002", unverified),
    ]


@register("opie")
def verifications_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import verification_steps

    hint = (
        "As in: def recognise(run: RunAtHand) -> Recognised | None;"
        ' register_verification("customer", recognise=recognise, agent_ids=["shop-support"]).'
    )
    return _errors(verification_steps.problems(), "E008", hint)


@register("opie")
def dashboard_cards_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.metrics.dashboard_cards import problems_of_cards

    hint = (
        "As in: def orders(principal: Principal) -> DashboardCard | None;"
        ' register_dashboard_card("orders", orders, permission=Permission.VIEW_METRICS).'
    )
    return _errors(problems_of_cards(), "E009", hint)


@register("opie")
def keyword_routes_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import named_agents
    from apps.opie.providers.keyword_routes import problems_of_routes

    hint = (
        'As in: register_responder("order-agent", answer_about_orders);'
        ' register_keyword_route("shop-support", "order-agent", ["order", "invoice"]), a team and one of its members.'
    )
    return _errors([*problems_of_routes(), *named_agents.routes_past_members()], "E010", hint)


@register("opie")
def tools_fit(**_: Any) -> list[CheckMessage]:
    from apps.opie.tools.tool_problems import problems_of_tools

    hint = (
        "As in: def cancel_order(scope: RunScope, number: int) -> str, with a docstring;"
        ' register_tool(cancel_order, label="Cancel an order").'
    )
    return _errors(problems_of_tools(), "E011", hint)


@register("opie")
def what_is_called_around_runs_fits(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import hooks
    from apps.opie.engine.executions.agents import problems_of_classes
    from apps.opie.providers.responders import problems_of_responders

    hint = (
        "As in: def respond(scope: RunScope, text: str) -> str; def before(run: RunAtHand) -> str | None;"
        " def after(run: RunAtHand, result: RunResult) -> None. Each may be async."
    )
    return _errors([*problems_of_responders(), *hooks.problems(), *problems_of_classes()], "E012", hint)


@register("opie")
def teams_can_answer(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import named_agents

    hint = "Give the tool to the team itself, in its file, and take it out of the member's."
    return _errors(named_agents.members_that_would_wait(), "E013", hint)


@register("opie")
def agents_that_are_named_are_there(**_: Any) -> list[CheckMessage]:
    from apps.opie.engine import named_agents

    hint = (
        "Mend the id, or write its file in a folder of register_agents. For an agent that people make on a page, put"
        " opie.W001 into SILENCED_SYSTEM_CHECKS."
    )
    return _warnings(named_agents.unknown_agents(), "W001", hint)
