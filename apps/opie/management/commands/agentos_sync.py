"""Say what is served, and what has changed since the last time."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.opie.agentos import syncing
from apps.opie.agentos.syncing import Line
from apps.opie.agentos.who import principal_named


class Command(BaseCommand):
    help = "Builds every agent as it would be served and reports what is created, updated, removed or broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user-id", help="only the agents served to this person (id or e-mail address)")
        parser.add_argument("--agent-id", help="only this agent")
        parser.add_argument("--dry-run", action="store_true", help="print the same table and change nothing")

    def handle(self, *args: Any, user_id: str | None, agent_id: str | None, dry_run: bool, **options: Any) -> None:  # noqa: ARG002
        lines = syncing.report(principal_named(user_id) if user_id else None, agent_id)
        if agent_id and not lines:
            raise CommandError(f"There is no published agent {agent_id}.")
        self._print(lines)
        if not dry_run:
            syncing.remember(lines)
        broken = [line.agent_id for line in lines if line.state == syncing.BROKEN]
        if broken:
            raise CommandError(f"Cannot be served: {', '.join(broken)}.")

    def _print(self, lines: list[Line]) -> None:
        width = max((len(line.agent_id) for line in lines), default=0)
        self.stdout.write(f"{'agent':{width}}  version  state")
        for line in lines:
            version = "" if line.version is None else str(line.version)
            self.stdout.write(f"{line.agent_id:{width}}  {version:>7}  {line.state:9}  {line.detail}".rstrip())
        found = Counter(line.state for line in lines)
        states = (syncing.CREATED, syncing.UPDATED, syncing.UNCHANGED, syncing.REMOVED, syncing.BROKEN)
        self.stdout.write(", ".join(f"{found[state]} {state}" for state in states))
        self.stdout.write("Running servers read the rows: they serve this from their next request on.")
