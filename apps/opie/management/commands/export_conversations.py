"""manage.py export_conversations: conversations as JSON, CSV or Markdown."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from apps.accounts.models import Team
from apps.opie.agentos.conversation_export import FORMATS, conversations_of, in_turn
from apps.opie.agentos.who import user_named
from apps.opie.models import AgentOSSession


class Command(BaseCommand):
    help = (
        "Writes conversations to a file that only its owner may read, or to the standard output. JSON can be imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=sorted(FORMATS), default="json")
        parser.add_argument("--user", help="only of this person: an id or e-mail address")
        parser.add_argument("--team", help="only of this team: its slug")
        parser.add_argument("--since", help="only those in which something was said since: a date or a moment")
        parser.add_argument("--output", help="the file; the standard output unless given")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        user_id = user_named(options["user"]).pk if options["user"] else None
        team = team_named(options["team"])
        sessions = conversations_of(user_id, team.pk if team else None, moment_named(options["since"]))
        count = sessions.count()

        def counted() -> Iterator[AgentOSSession]:
            for number, session in enumerate(in_turn(sessions), start=1):
                yield session
                if number % 100 == 0 or number == count:
                    self.stderr.write(f"{number} of {count} conversations")

        pieces = FORMATS[options["format"]].write(counted())
        if options["output"] is None:
            self._print(pieces)
        else:
            with _opened(options["output"]) as file:
                file.writelines(pieces)
        if count == 0:
            self.stderr.write("There is nothing to export.")

    def _print(self, pieces: Iterator[str]) -> None:
        self.stdout.ending = ""  # or each write would become a line
        try:
            for piece in pieces:
                self.stdout.write(piece)
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has had enough (`| head`). What is still to be written when Python ends goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())


def team_named(slug: str | None) -> Team | None:
    """Raises CommandError."""
    team = Team.objects.filter(slug=slug).first() if slug else None
    if slug and team is None:
        raise CommandError(f"There is no team {slug}.")
    return team


def moment_named(text: str | None) -> datetime | None:
    """A day begins at midnight UTC. Raises CommandError."""
    if text is None:
        return None
    try:
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text} is no date. Write 2026-11-21 or 2026-11-21T08:00:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _opened(path: str) -> TextIO:
    try:
        return open(path, "w", encoding="utf-8", newline="", opener=_for_owner_alone)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None


def _for_owner_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
