from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from agno.db.base import AsyncBaseDb

    from apps.accounts.principal import Principal


class OpieConfig(AppConfig):
    name = "apps.opie"
    label = "opie"
    verbose_name = "Opie"

    def ready(self) -> None:
        from apps.opie import checks  # noqa: F401  (registers the system checks)
        from apps.opie.engine import parts
        from apps.opie.tools.general import register_general_tools

        register_general_tools()
        parts.supply_database(_database)


def _database(principal: "Principal", messages: int) -> "AsyncBaseDb":
    # Imported when the first agent is built: commands that build none need not wait for Agno.
    from apps.opie.agentos.db import DjangoDb

    # A run holds a question and an answer at least.
    return DjangoDb(principal, history_runs=messages // 2 + 1)
