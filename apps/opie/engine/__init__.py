"""The agent engine. What a host's Python uses of it is named here, and loaded when it is first used: Agno comes with it.

`execution_engine`, `state_manager` and `dispatcher` are rooms of their own in this package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.opie.engine.executions.agents import (
        BaseAgent,
        ConversationalAgent,
        TaskAgent,
        register_agent_class,
    )
    from apps.opie.engine.executions.context import AgentContext
    from apps.opie.engine.executions.result import AgentResult
    from apps.opie.engine.hooks import RunAtHand, register_hook

__all__ = [
    "AgentContext",
    "AgentResult",
    "BaseAgent",
    "ConversationalAgent",
    "RunAtHand",
    "TaskAgent",
    "register_agent_class",
    "register_hook",
]

_HOMES = {
    "AgentContext": "executions.context",
    "AgentResult": "executions.result",
    "BaseAgent": "executions.agents",
    "ConversationalAgent": "executions.agents",
    "RunAtHand": "hooks",
    "TaskAgent": "executions.agents",
    "register_agent_class": "executions.agents",
    "register_hook": "hooks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
