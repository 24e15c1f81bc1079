"""Processes are killed under load, and the books are right afterwards."""

import asyncio
import json
import os
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from django.db.models import Sum
from django.utils import timezone

from apps.opie import rows
from apps.opie.models import (
    AgentOSMessage,
    AgentOSRun,
    AgentOSSession,
    AgentOSUsage,
    AIPlatform,
    Budget,
    BudgetPeriod,
    BudgetReservation,
    ModelPrice,
)
from apps.opie.models.runs import END_STATUSES
from apps.opie.models.usage import CallOutcome, Certainty
from launcher.ports import free_port
from tests.opie.killing import (
    FIRST_INPUT,
    CountingVendor,
    Load,
    agentos,
    answer_to,
    kill_at_random,
    kill_in_the_middle,
    number_in,
    web,
    worker,
)
from tests.opie.people import Person
from tests.opie.rest.web_process import database_url

# benchmarks/kills.py runs this for longer, and reads what came of it.
SEED, KILLS = int(os.environ.get("OPIE_KILL_SEED", "4")), int(os.environ.get("OPIE_KILLS", "6"))
# A run is silent for 10 s, looked at every 5 and a second time after 3; what is tried again takes its time.
SECONDS_TO_SETTLE = 90


def prepare(person: Person, vendor_url: str) -> None:
    AIPlatform.objects.filter(platform_name="scripted").update(base_url=vendor_url + "/v1", api_key="sk-x")
    Budget.objects.create(team=person.team, amount=1_000_000)
    ModelPrice.objects.create(
        platform_name="scripted",
        model="scripted-model",
        input_per_million=Decimal(10),
        output_per_million=Decimal(20),
        valid_from=timezone.now() - timedelta(days=1),
    )


async def wait_for_an_end() -> None:
    """Until nothing runs or waits."""
    async with asyncio.timeout(SECONDS_TO_SETTLE):
        while await rows.run(AgentOSRun.objects.exclude(status__in=END_STATUSES).count):  # noqa: ASYNC110
            await asyncio.sleep(0.5)


async def wait_until_it_serves(address: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
        while True:
            try:
                await client.get(address)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_whatever_is_killed_the_books_are_right(agents: Any, person: Person) -> None:
    ports = [free_port() for _ in range(3)]
    door, *sites = (f"http://127.0.0.1:{port}" for port in ports)
    url = await rows.run(database_url)
    webs = [web(port, url) for port in ports[1:]]
    processes = [*webs, agentos(ports[0], url), worker(url)]
    async with CountingVendor(pause=0.03) as vendor:
        await rows.run(prepare, person, vendor.url)
        load = Load(person, dict(zip([process.name for process in webs], sites, strict=True)), door)
        try:
            for process in processes:
                process.start()
            for address in (f"{door}/health", *(f"{site}/health/live/" for site in sites)):
                await wait_until_it_serves(address)
            async with load.going():
                killed = {await kill_in_the_middle(one, load, vendor): one.name for one in processes[:KILLS]}
                await kill_at_random(processes, SEED, KILLS - len(killed), pause=(0.5, 2.5))
                await asyncio.sleep(1)
            vendor.pause = 0
            await wait_for_an_end()
            await every_session_can_be_used(load)
            await wait_for_an_end()
        finally:
            for process in processes:
                process.kill()
    assert sum(process.kills for process in processes) == KILLS + len(processes)
    await rows.run(what_was_killed_in_its_middle_is_settled, load, killed)
    await rows.run(the_books_are_right, load, vendor)
    if told := os.environ.get("OPIE_KILL_FIGURES"):
        Path(told).write_text(json.dumps(await rows.run(figures, load, vendor)))  # noqa: ASYNC240 - all is over


def figures(load: Load, vendor: CountingVendor) -> dict[str, Any]:
    runs, calls = list(AgentOSRun.objects.all()), list(AgentOSUsage.objects.all())
    left = [run for run in runs if run.status == "interrupted" and run.heartbeat_at and run.finished_at]
    silent = [
        (run.finished_at - run.heartbeat_at).total_seconds() for run in left if run.finished_at and run.heartbeat_at
    ]
    return {
        "kills": KILLS,
        "accepted": len(load.accepted),
        "requests_lost": len(load.lost),
        "runs": Counter(run.status for run in runs),
        "tried_again": sum(run.attempt > 1 for run in runs),
        "calls": Counter(call.outcome for call in calls),
        "certainty": Counter(call.certainty for call in calls),
        "served_by_platform": vendor.has_served.total(),
        "longest_silence_seconds": round(max(silent, default=0.0), 1),
    }


async def every_session_can_be_used(load: Load) -> None:
    """Whatever became of the answers in it."""
    site = next(iter(load.sites.values()))
    await wait_until_it_serves(f"{site}/health/live/")
    few = asyncio.Semaphore(4)
    async with httpx.AsyncClient(headers=load.person.headers, timeout=60, trust_env=False) as client:

        async def use(session_id: UUID) -> None:
            number = load.next_number()
            body = {"agent_id": "scripted", "message": f"Question {number}.", "session_id": str(session_id)}
            async with few:
                answer = await client.post(f"{site}/api/v1/agentos/send-message/", json=body)
            assert (answer.status_code, answer.json()["status"]) == (200, "completed"), answer.text
            load.accepted[number] = answer.json()["run_id"]

        sessions = await rows.run(lambda: list(AgentOSSession.objects.values_list("pk", flat=True)))
        await asyncio.gather(*map(use, sessions))


def what_was_killed_in_its_middle_is_settled(load: Load, killed: dict[int, str]) -> None:
    """What was said is kept where somebody read along; what was left to the worker is said again from the beginning."""
    for number, process in killed.items():
        run = AgentOSRun.objects.get(pk=load.accepted[number])
        if process == "worker":
            assert run.attempt > 1
            assert run.status == "completed" or run.attempt == run.most_attempts
        else:
            assert (process, run.status) == (process, "interrupted")
        assert _answer(run)
        assert answer_to(number).startswith(_answer(run))


def the_books_are_right(load: Load, vendor: CountingVendor) -> None:
    runs = {str(run.pk): run for run in AgentOSRun.objects.all()}
    assert len(load.accepted) > KILLS
    # Every message that was accepted has its run, and every run its end.
    assert {runs[run_id].status in END_STATUSES for run_id in load.accepted.values()} == {True}
    assert all(run.status in END_STATUSES and run.finished_at for run in runs.values())
    # No message twice, no answer twice; those of which nobody knows are there once or not at all.
    questions = Counter(number_in(text) for text in _asked())
    assert max(questions.values()) == 1
    assert set(load.accepted) <= set(questions) <= set(range(1, load.next_number()))
    answers = AgentOSMessage.objects.filter(is_answer=True)
    assert (
        answers.count() == AgentOSRun.objects.filter(session__isnull=False, messages__is_answer=True).distinct().count()
    )
    for number, run_id in load.accepted.items():
        if runs[run_id].status == "completed":
            assert f"Answer {number}:" in _answer(runs[run_id])
    _ledger_is_right(vendor)


def _ledger_is_right(vendor: CountingVendor) -> None:
    calls = list(AgentOSUsage.objects.all())  # answers, and summaries of what is older
    assert not [call for call in calls if call.outcome == CallOutcome.OPEN or call.finished_at is None]
    # What was asked of the platform was written down before, and what it billed is no more than it served.
    assert len(calls) >= vendor.was_asked.total()
    reported = [call for call in calls if call.certainty == Certainty.REPORTED]
    billed = Counter(call.input_tokens - FIRST_INPUT for call in reported if call.input_tokens)
    assert billed <= vendor.has_served
    # A completed answer was billed, once.
    completed = AgentOSRun.objects.filter(status="completed").values_list("pk", flat=True)
    assert {call.run_id for call in reported} >= set(completed)
    assert len(reported) > len(calls) / 2
    # Money: nothing is held, and what was spent is the sum of the calls.
    assert not BudgetReservation.objects.filter(state="held").exists()
    period = BudgetPeriod.objects.get()
    spent = AgentOSUsage.objects.aggregate(sum=Sum("cost"))["sum"]
    assert (period.reserved, period.spent) == (0, spent)
    assert spent == sum((call.input_tokens or 0) * 10 + (call.output_tokens or 0) * 20 for call in calls) / Decimal(
        10**6
    )


def _asked() -> list[str]:
    tasks = AgentOSRun.objects.filter(session=None).values_list("input__message", flat=True)
    return [*AgentOSMessage.objects.filter(role="user").values_list("content", flat=True), *tasks]


def _answer(run: AgentOSRun) -> str:
    if run.session_id is None:
        return str((run.output or {}).get("content", ""))
    return AgentOSMessage.objects.get(run=run, is_answer=True).content
