"""Error rows: failures of one kind gathered in one row, counted, for whoever has to mend them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from apps.api.ids import uuid7
from apps.opie.models import AgentOSRun

MOST_DETAIL = 4000


@dataclass(frozen=True, slots=True)
class RunError:
    """One failure. `message` is what the person is told; `detail` is for operators and never leaves the house."""

    code: str
    message: str
    place: str
    detail: str = ""


def record_error(run: AgentOSRun, error: RunError, now: datetime) -> None:
    """Add the failure to its row, or open one. One statement, so that parallel failures are counted right."""
    fingerprint = hashlib.sha256(f"{run.agent_id}|{error.code}|{error.place}".encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO opie_agentoserror (id, team_id, agent_id, fingerprint, code, place, message, detail,
                                           occurrences, first_seen, last_seen, last_run_id, is_resolved)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s, false)
            ON CONFLICT (team_id, fingerprint) DO UPDATE SET
                occurrences = opie_agentoserror.occurrences + 1, last_seen = excluded.last_seen,
                last_run_id = excluded.last_run_id, message = excluded.message, detail = excluded.detail,
                is_resolved = false
            """,
            [
                uuid7(), run.team_id, run.agent_id, fingerprint, error.code[:64], error.place[:200],
                error.message[:500], error.detail[:MOST_DETAIL], now, now, run.pk,
            ],
        )  # fmt: skip
