"""Hearing of news by PostgreSQL's LISTEN: one connection for each process that has readers of other processes' runs.

It is not one of the pool's: it waits all the time.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import connections

from apps.opie.engine.live.event_rows import CHANNEL, ids_in

if TYPE_CHECKING:
    from apps.opie.engine.live.following import Following

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
# A connection that is dead without having been closed is noticed within half a minute.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


async def listen(following: "Following") -> None:
    """Wake the readers of runs that have news, as long as the task lives; comes back by itself."""
    while True:
        try:
            await _hear(following)
        except psycopg.Error as error:
            logger.warning("The connection that hears of news was lost: %s", type(error).__name__)
        finally:
            following.is_told = False
        await asyncio.sleep(RETRY_SECONDS)


async def _hear(following: "Following") -> None:
    connection = await psycopg.AsyncConnection.connect(**_parameters(), autocommit=True)
    try:
        await connection.execute(f"LISTEN {CHANNEL}")
        following.is_told = True
        following.wake_all()
        async for notice in connection.notifies():
            following.wake(ids_in(notice.payload))
    finally:
        await connection.close()


def _parameters() -> dict[str, Any]:
    """As Django would connect, without what is Django's own."""
    parameters = connections["default"].get_connection_params()
    for own in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(own, None)
    return _KEEPALIVE | parameters
