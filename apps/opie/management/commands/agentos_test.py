"""Look whether everything an agent needs is there, then ask one a question."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.api.errors import OpieError
from apps.opie.agentos import health
from apps.opie.agentos.service import AgentOSService
from apps.opie.agentos.who import staff_or_first_owner, user_named

QUESTION = "Hello! Answer in one short sentence: are you there?"


class Command(BaseCommand):
    help = "Checks settings, database, migrations, pgvector, cache and platforms, then asks an agent a question."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--user-id", help="ask as this person (id or e-mail address); else as somebody of the staff"
        )
        parser.add_argument("--agent-id", help="ask this agent; else the first that is offered")

    def handle(self, *args: Any, user_id: str | None, agent_id: str | None, **options: Any) -> None:  # noqa: ARG002
        parts = ("database", "migrations", "pgvector", "cache", "platforms")
        held = [self._step("settings", _settings)]
        held += [self._step(part, partial(_part, part)) for part in parts]
        if all(held):
            held.append(self._step("agent", partial(_ask, user_id, agent_id)))
        else:
            self.stdout.write("skip  agent       Asked when all the others hold.")
        if not all(held):
            raise CommandError("Not everything holds. What to do is written beside each failed step.")
        self.stdout.write("Everything holds.")

    def _step(self, name: str, run: Callable[[], str]) -> bool:
        started = time.perf_counter()
        try:
            said, held = run(), True
        except (CommandError, OpieError) as error:
            said, held = str(error), False
        milliseconds = round((time.perf_counter() - started) * 1000)
        self.stdout.write(f"{'ok' if held else 'FAIL':5} {name:11} {milliseconds:6} ms  {said}")
        return held


def _settings() -> str:
    if not settings.AGENTOS_ENABLED:
        raise CommandError("AgentOS is switched off: set AGENTOS_ENABLED=true.")
    serious = [message for message in checks.run_checks() if message.is_serious()]
    if serious:
        raise CommandError(
            "; ".join(f"{message.id}: {message.msg} {message.hint or ''}".strip() for message in serious)
        )
    return f"{settings.OPIE_ENV}, AgentOS on port {settings.AGENTOS_DEFAULT_PORT}"


def _part(name: str) -> str:
    part = health.check(name)
    if part.status != "ok":
        raise CommandError(part.detail)
    return part.detail


def _ask(user_id: str | None, agent_id: str | None) -> str:
    service = AgentOSService(user_named(user_id) if user_id else staff_or_first_owner())
    if agent_id is None:
        offered = service.get_available_agents()
        if not offered:
            raise CommandError("No agent is offered to this person. Run manage.py create_default_agents.")
        agent_id = str(offered[0]["agent_id"])
    answer = service.send_message(agent_id=agent_id, message=QUESTION)
    if not answer.content.strip():
        raise CommandError(f"{agent_id} answered nothing. Look at the errors of run {answer.run_id}.")
    return f"{agent_id} answered through {answer.platform}/{answer.model}: {' '.join(answer.content.split())[:100]}"
