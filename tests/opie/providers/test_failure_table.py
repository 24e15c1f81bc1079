"""The table in docs/platforms.md, made anew by asking mock platforms over real sockets with every vendor's SDK."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from apps.api.errors import PlatformFailed
from apps.opie import rows
from apps.opie.models import AgentOSRun, AgentOSUsage, PlatformHealth
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome
from apps.opie.providers.clients import close_clients
from apps.opie.providers.metered import MeteredModel
from tests.opie.providers.asking import metered
from tests.opie.providers.people import Scoped
from tests.opie.providers.storm import WIRES, one_answer
from tests.vendors.reply import Fault, Reply
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "platforms.md"
BEGIN, END = "<!-- failures: begin -->", "<!-- failures: end -->"
HEAD = (
    "| failure | platforms | first token | what is tried next | what is recorded | what the person sees |",
    "|---|---|---|---|---|---|",
)
SAYING = "One two three four five six seven."


@dataclass(frozen=True)
class Case:
    """One way to fail. `reply` None: nobody listens."""

    name: str
    reply: Reply | None
    after: bool = False
    not_for: tuple[str, ...] = ()


def cases() -> Iterator[Case]:
    yield Case("nobody listens", None)
    for status in (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529):
        yield Case(f"status {status}", Reply(status=status, text="No."))
    quota = Reply(status=429, text="You exceeded your current quota.", error_code="insufficient_quota")
    yield Case("status 429, no credit left", quota)
    yield Case("status 400, bad key", Reply(status=400, text="API key not valid."), not_for=(*WIRES[:2], WIRES[3]))
    yield Case("silent until the timeout", Reply(fault="hang_first"))
    yield Case("stream ends without an end", Reply(text="", fault="end_early"))
    yield Case("an empty answer", Reply(text=""))
    yield Case("a web page", Reply(fault="not_json"))
    yield Case("content refused", Reply(text="", is_refused=True), not_for=(ApiType.OLLAMA,))
    faults: tuple[tuple[str, Fault], ...] = (
        ("connection reset", "cut"),
        ("silent until the timeout", "hang"),
        ("stream ends without an end", "end_early"),
    )
    for name, fault in faults:
        yield Case(name, Reply(text=SAYING, fault=fault), after=True)


async def test_the_table_in_the_documentation_is_what_happens(run: AgentOSRun, scoped: Scoped) -> None:
    by_line: dict[tuple[str, bool, str], list[str]] = {}
    with scoped():
        everything = [(case, wire) for case in cases() for wire in WIRES if wire not in case.not_for]
        gate = asyncio.Semaphore(8)
        told = await asyncio.gather(*(_what_happens(case, wire, n, gate) for n, (case, wire) in enumerate(everything)))
    for (case, wire), line in zip(everything, told, strict=True):
        by_line.setdefault((case.name, case.after, line), []).append(wire)
    await close_clients()
    made = [*HEAD, *(_row(*key, wires) for key, wires in by_line.items())]
    written = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    assert written == made, "write this into docs/platforms.md:\n" + "\n".join(made)


async def _what_happens(case: Case, wire: str, number: int, gate: asyncio.Semaphore) -> str:
    async with gate, AsyncExitStack() as stack:
        good = await stack.enter_async_context(VendorServer())
        bad = await stack.enter_async_context(VendorServer())
        url = f"http://127.0.0.1:{_closed_port()}" if case.reply is None else bad.will(case.reply).url
        patience = 2 if case.reply is not None and case.reply.fault in ("hang", "hang_first") else 20
        first = await metered(wire, url, platform_name=f"first{number}", timeout=patience)
        second = await metered(ApiType.OPENAI, good.url, platform_name=f"second{number}", timeout=20)
        try:
            seen = await one_answer(MeteredModel((*first.candidates, *second.candidates)), stream=True)
        except PlatformFailed as error:
            seen = f"what came, and `{error.code}`" if case.after else f"`{error.code}`"
        else:
            assert seen == "The quick brown fox jumps."
            seen = "the next platform's answer"
        name = f"first{number}"
        calls = await rows.run(lambda: list(AgentOSUsage.objects.filter(platform_name=name).order_by("id")))
        rests = await rows.run(
            PlatformHealth.objects.filter(platform__platform_name=name).exclude(rested_until=None).exists
        )
    return f"{_next(len(calls), went_on=bool(good.asked), rests=rests)} | {_recorded(calls)} | {seen}"


def _next(attempts: int, *, went_on: bool, rests: bool) -> str:
    if not went_on:
        return "nothing"
    again = "the same once more, then " if attempts > 1 else ""
    return f"{again}the next platform" + ("; this one rests, and its managers are told" if rests else "")


def _recorded(calls: list[AgentOSUsage]) -> str:
    (kind,) = {(row.outcome, row.error_code, _tokens(row)) for row in calls}
    return f"{kind[0]}, `{kind[1]}`, {kind[2]}"


def _tokens(row: AgentOSUsage) -> str:
    if row.outcome == CallOutcome.UNSENT:
        return "no call"
    if not row.input_tokens:
        return "no tokens"
    output = "and what came" if row.output_tokens else "of the input"
    return f"tokens {row.certainty}" if row.certainty == "reported" else f"estimate {output}"


def _row(name: str, after: bool, line: str, wires: list[str]) -> str:
    return f"| {name} | {', '.join(wires)} | {'after' if after else 'before'} | {line} |"


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
