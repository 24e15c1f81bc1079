"""Events as rows: reading those of many runs at once, and telling other processes that there are new ones. Sync."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection

from apps.opie.events import RunEvent
from apps.opie.models import AgentOSRun
from apps.opie.models.runs import LIVE_STATUSES

CHANNEL = "opie_runs"
# PostgreSQL takes less than 8000 bytes a notice.
IDS_IN_A_NOTICE = 200

# The batch that holds the number after the one seen may begin before it; all later ones begin behind it.
_NEWS = """
    SELECT batch.run_id, batch.events
    FROM unnest(%s::uuid[], %s::int[]) AS seen (run_id, number)
    JOIN opie_runeventbatch AS batch ON batch.run_id = seen.run_id AND batch.last_number > seen.number
        AND batch.first_number >= COALESCE((
            SELECT max(first_number) FROM opie_runeventbatch
            WHERE run_id = seen.run_id AND first_number <= seen.number
        ), 0)
    ORDER BY batch.run_id, batch.first_number
"""


@dataclass(slots=True)
class News:
    """What is in rows behind the number a reader has seen. `has_ended` with all events there are, or none will come."""

    has_ended: bool
    events: list[RunEvent] = field(default_factory=list)


def news_of(seen: Mapping[UUID, int]) -> dict[UUID, News]:
    """For each run its events above the number given. A run that is not there has ended."""
    # The status is read first: a run that ends in between has then written all of its events.
    live = set(AgentOSRun.objects.filter(pk__in=list(seen), status__in=LIVE_STATUSES).values_list("pk", flat=True))
    news = {run_id: News(run_id not in live) for run_id in seen}
    with connection.cursor() as cursor:
        cursor.execute(_NEWS, [list(seen), list(seen.values())])
        for run_id, events in cursor.fetchall():
            found = (RunEvent(run_id, number, kind, data) for number, kind, data in json.loads(events))
            news[run_id].events += [event for event in found if event.number > seen[run_id]]
    return news


def tell(run_ids: Collection[UUID]) -> None:
    """Let other processes know, when this transaction is committed, that these runs have news. With Redis, its streams
    tell."""
    if settings.REDIS_URL or not run_ids:
        return
    ids = [run_id.hex for run_id in run_ids]
    with connection.cursor() as cursor:
        for first in range(0, len(ids), IDS_IN_A_NOTICE):
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, ",".join(ids[first : first + IDS_IN_A_NOTICE])])


def ids_in(notice: str) -> set[UUID]:
    """The runs that a notice names. Whoever may connect to the database may send one: what is no id is passed over."""
    found = set()
    for text in notice.split(","):
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found
