"""What a host may use of Opie: everything an app of its own needs is named here, and nothing else is promised.

Register in the `ready` of the host's AppConfig. What is registered wrongly is said by `manage.py check` and at start,
not with the first message: docs/extending.md has an example of each, and a table of the checks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound, OpieError, TooLarge, Unavailable

if TYPE_CHECKING:
    from apps.opie.agentos.config import AgentOSConfig, agent_os_config
    from apps.opie.agentos.db import DjangoDb
    from apps.opie.agentos.service import AgentOSService
    from apps.opie.engine import dispatcher, execution_engine, state_manager
    from apps.opie.engine.default_agents import register_agents
    from apps.opie.engine.earlier import EarlierTurn, earlier_turns
    from apps.opie.engine.executions.agents import BaseAgent, ConversationalAgent, TaskAgent, register_agent_class
    from apps.opie.engine.executions.context import AgentContext
    from apps.opie.engine.executions.result import AgentResult
    from apps.opie.engine.hooks import RunAtHand, register_hook
    from apps.opie.engine.loop import run_and_wait
    from apps.opie.engine.outcome import RunResult
    from apps.opie.engine.profiles import forget, memory_of, register_memory_schema, remember, take_out
    from apps.opie.engine.taking_over import ask_for_person
    from apps.opie.engine.trying import try_tool
    from apps.opie.engine.verification_steps import NOBODY, Recognised, VerificationStep, register_verification
    from apps.opie.engine.verifying import (
        Verification,
        bind_subject,
        note_failed_try,
        require_verified,
        verification_of,
    )
    from apps.opie.engine.webhook_events import IncomingEvent, register_webhook_event
    from apps.opie.knowledge.agno_knowledge import knowledge_for
    from apps.opie.knowledge.search import Filters, register_reranker, search
    from apps.opie.library import CommandExecutor, CommandRegistry
    from apps.opie.metrics.dashboard_cards import DashboardCard, register_dashboard_card
    from apps.opie.models.approval_rules import ApprovalBy, ApprovalRule
    from apps.opie.models.verifications import VerificationMethod
    from apps.opie.providers.keyword_routes import keyword_route, members_meant, register_keyword_route
    from apps.opie.providers.responders import register_responder
    from apps.opie.scope import RunScope
    from apps.opie.tools.model_tools import register_model
    from apps.opie.tools.registry import register_tool

# Loaded when first used: the apps' rows are not there yet when a host's module is imported, and Agno takes its time.
_HOMES = {
    "AgentContext": "engine.executions.context",
    "AgentOSConfig": "agentos.config",
    "AgentOSService": "agentos.service",
    "AgentResult": "engine.executions.result",
    "ApprovalBy": "models.approval_rules",
    "ApprovalRule": "models.approval_rules",
    "BaseAgent": "engine.executions.agents",
    "CommandExecutor": "library",
    "CommandRegistry": "library",
    "ConversationalAgent": "engine.executions.agents",
    "DashboardCard": "metrics.dashboard_cards",
    "DjangoDb": "agentos.db",
    "EarlierTurn": "engine.earlier",
    "Filters": "knowledge.search",
    "IncomingEvent": "engine.webhook_events",
    "NOBODY": "engine.verification_steps",
    "Recognised": "engine.verification_steps",
    "RunAtHand": "engine.hooks",
    "RunResult": "engine.outcome",
    "RunScope": "scope",
    "TaskAgent": "engine.executions.agents",
    "Verification": "engine.verifying",
    "VerificationMethod": "models.verifications",
    "VerificationStep": "engine.verification_steps",
    "agent_os_config": "agentos.config",
    "ask_for_person": "engine.taking_over",
    "bind_subject": "engine.verifying",
    "dispatcher": "engine",
    "earlier_turns": "engine.earlier",
    "execution_engine": "engine",
    "forget": "engine.profiles",
    "keyword_route": "providers.keyword_routes",
    "knowledge_for": "knowledge.agno_knowledge",
    "members_meant": "providers.keyword_routes",
    "memory_of": "engine.profiles",
    "note_failed_try": "engine.verifying",
    "register_agent_class": "engine.executions.agents",
    "register_agents": "engine.default_agents",
    "register_dashboard_card": "metrics.dashboard_cards",
    "register_hook": "engine.hooks",
    "register_keyword_route": "providers.keyword_routes",
    "register_memory_schema": "engine.profiles",
    "register_model": "tools.model_tools",
    "register_reranker": "knowledge.search",
    "register_responder": "providers.responders",
    "register_tool": "tools.registry",
    "register_verification": "engine.verification_steps",
    "register_webhook_event": "engine.webhook_events",
    "remember": "engine.profiles",
    "require_verified": "engine.verifying",
    "run_and_wait": "engine.loop",
    "search": "knowledge.search",
    "state_manager": "engine",
    "take_out": "engine.profiles",
    "try_tool": "engine.trying",
    "verification_of": "engine.verifying",
}
# Those of them that are modules.
_ROOMS = {"dispatcher", "execution_engine", "state_manager"}
__all__ = [
    "NOBODY",
    "AgentContext",
    "AgentOSConfig",
    "AgentOSService",
    "AgentResult",
    "ApprovalBy",
    "ApprovalRule",
    "BaseAgent",
    "CommandExecutor",
    "CommandRegistry",
    "Conflict",
    "ConversationalAgent",
    "DashboardCard",
    "DjangoDb",
    "EarlierTurn",
    "Filters",
    "IncomingEvent",
    "InvalidInput",
    "NotAllowed",
    "NotFound",
    "OpieError",
    "Permission",
    "Principal",
    "Recognised",
    "RunAtHand",
    "RunResult",
    "RunScope",
    "TaskAgent",
    "TooLarge",
    "Unavailable",
    "Verification",
    "VerificationMethod",
    "VerificationStep",
    "agent_os_config",
    "ask_for_person",
    "bind_subject",
    "dispatcher",
    "earlier_turns",
    "execution_engine",
    "forget",
    "keyword_route",
    "knowledge_for",
    "members_meant",
    "memory_of",
    "note_failed_try",
    "register_agent_class",
    "register_agents",
    "register_dashboard_card",
    "register_hook",
    "register_keyword_route",
    "register_memory_schema",
    "register_model",
    "register_reranker",
    "register_responder",
    "register_tool",
    "register_verification",
    "register_webhook_event",
    "remember",
    "require_verified",
    "run_and_wait",
    "search",
    "state_manager",
    "take_out",
    "try_tool",
    "verification_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _ROOMS:
        return import_module(f"apps.opie.{_HOMES[name]}.{name}")
    return getattr(import_module(f"apps.opie.{_HOMES[name]}"), name)
