"""Many callers at once against a platform that fails in every way; and both sides' books."""

import asyncio
import contextlib
import random
import socket
from collections import Counter
from dataclasses import dataclass, field, replace
from uuid import UUID

from agno.models.message import Message
from django.db.models import Count, Sum

from apps.api.errors import OpieError
from apps.opie.models import AgentOSUsage
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.metered import MeteredModel
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot
from tests.opie.providers.asking import add_platform

WIRES = (ApiType.OPENAI, ApiType.ANTHROPIC, ApiType.GEMINI, ApiType.OLLAMA)


@dataclass
class Callers:
    """How the calls ended, as their callers saw it."""

    answered: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Ledger:
    """The same calls, as the ledger has them."""

    rows: int
    sent: int
    reported: int
    input: int
    output: int
    open: int
    unknown: int
    kinds: dict[str, int]


def candidates(url: str) -> tuple[Candidate, ...]:
    """One candidate of each wire at this address, and one where nobody listens. Sync: it makes rows."""
    made = [add_platform(api_type, url) for api_type in WIRES]
    made.append(add_platform(ApiType.OPENAI, f"http://127.0.0.1:{_closed_port()}", platform_name="closed"))
    return tuple(
        Candidate(replace(PlatformSnapshot.of(row), timeout=1), row.default_model, max_tokens=512) for row in made
    )


async def storm(everyone: tuple[Candidate, ...], calls: int, seed: int, at_once: int = 20) -> Callers:
    """So many calls, each by two of the candidates in turn; half of them streamed."""
    lot, seen, gate = random.Random(seed), Callers(), asyncio.Semaphore(at_once)

    async def call(chain: list[Candidate], *, stream: bool) -> None:
        async with gate:
            try:
                await one_answer(MeteredModel(tuple(chain)), stream=stream)
                seen.answered += 1
            except OpieError as error:
                seen.failed[error.code] += 1

    await asyncio.gather(*(call(lot.sample(everyone, 2), stream=lot.random() < 0.5) for _ in range(calls)))
    return seen


async def one_answer(model: MeteredModel, *, stream: bool) -> str:
    """One call without an agent around it."""
    question, said = [Message(role="user", content="Count to six.")], Message(role="assistant")
    model._ensure_message_metrics_initialized(said)
    if not stream:
        return str((await model.ainvoke(question, said)).content)
    async with contextlib.aclosing(model.ainvoke_stream(question, said)) as deltas:  # type: ignore[type-var]
        return "".join([delta.content or "" async for delta in deltas])


def ledger_of(run_id: UUID) -> Ledger:
    """The books of a run. Sync: it reads rows."""
    rows = AgentOSUsage.objects.filter(run_id=run_id)
    reported = rows.filter(certainty=Certainty.REPORTED)
    sums = reported.aggregate(input=Sum("input_tokens"), output=Sum("output_tokens"))
    kinds = rows.values_list("outcome").annotate(count=Count("id")).order_by("outcome")
    return Ledger(
        rows=rows.count(),
        sent=rows.calls().count(),
        reported=reported.count(),
        input=sums["input"] or 0,
        output=sums["output"] or 0,
        open=rows.filter(outcome=CallOutcome.OPEN).count(),
        unknown=rows.filter(certainty=Certainty.UNKNOWN).count(),
        kinds=dict(kinds),
    )


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
