"""What serves the readers and the runs of the running event loop: opened when first needed, and over by itself a while
after it was needed last."""

import asyncio
from uuid import UUID

from django.conf import settings

from apps.opie.engine.live import listening, redis_streams
from apps.opie.engine.live.following import Following
from apps.opie.engine.live.redis_streams import Publisher

_followings: dict[asyncio.AbstractEventLoop, Following] = {}
_publishers: dict[asyncio.AbstractEventLoop, Publisher] = {}


def following() -> Following:
    """What brings this loop's readers the events of runs that other processes run."""
    loop = asyncio.get_running_loop()
    known = _followings.get(loop)
    if known is None or known.is_over:
        _let_go_of_closed_loops()
        known = _followings[loop] = Following(redis_streams.listen if settings.REDIS_URL else listening.listen)
    return known


def publisher() -> Publisher | None:
    """What brings other processes the events of this loop's runs; None where only rows do."""
    if not settings.REDIS_URL:
        return None
    loop = asyncio.get_running_loop()
    known = _publishers.get(loop)
    if known is None or known.is_over:
        _let_go_of_closed_loops()
        known = _publishers[loop] = Publisher()
    return known


def runs_here(run_id: UUID) -> None:
    """The run is run by this loop from now on: those who read it from elsewhere may read it here."""
    known = _followings.get(asyncio.get_running_loop())
    if known is not None:
        known.let_go(run_id)


async def close() -> None:
    """End what serves this loop: its process stops, and its runs were drained."""
    loop = asyncio.get_running_loop()
    publishing, reading = _publishers.pop(loop, None), _followings.pop(loop, None)
    if publishing is not None:
        await publishing.close()
    if reading is not None:
        await reading.close()


def _let_go_of_closed_loops() -> None:
    for loop in [loop for loop in (*_followings, *_publishers) if loop.is_closed()]:
        _followings.pop(loop, None)
        _publishers.pop(loop, None)
