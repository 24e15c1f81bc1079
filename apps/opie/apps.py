from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from uuid import UUID

    from agno.db.base import AsyncBaseDb

    from apps.accounts.principal import Principal
    from apps.opie.engine.recorded import RecordedAgent, RecordedTeam
    from apps.opie.models import Agent


class OpieConfig(AppConfig):
    name = "apps.opie"
    label = "opie"
    verbose_name = "Opie"

    def ready(self) -> None:
        from apps.accounts.removing import object_to_removal
        from apps.opie import checks  # noqa: F401  (registers the system checks)
        from apps.opie.engine import parts
        from apps.opie.engine.leaving import with_live_runs
        from apps.opie.tools.general import register_general_tools
        from apps.opie.tools.specialities import register_specialist_tools

        register_general_tools()
        register_specialist_tools()
        object_to_removal(with_live_runs)
        parts.supply(_database, _build)


def _database(principal: "Principal", messages: int) -> "AsyncBaseDb":
    # Imported when the first agent is built: commands that build none need not wait for Agno.
    from apps.opie.agentos.db import DjangoDb

    # A run holds a question and an answer at least.
    return DjangoDb(principal, history_runs=messages // 2 + 1)


def _build(agent: "Agent", principal: "Principal", session_id: "UUID | None") -> "RecordedAgent | RecordedTeam":
    from apps.opie.agentos.config import agent_os_config

    return agent_os_config().create_agent_from_django(agent, principal, session_id)
