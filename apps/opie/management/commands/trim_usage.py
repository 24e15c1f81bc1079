"""manage.py trim_usage --before YYYY-MM: old months of the ledger become sums by day."""

from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from apps.opie.ledger.trimming import months_before, rows_of, trim_months


class Command(BaseCommand):
    help = (
        "Add up the calls of every month before the one that is named, by day, team, person, key, agent, platform and "
        "model, and drop the rows. Reports of usage stay the same; single calls are gone. Safe to break off and repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--before", required=True, metavar="YYYY-MM", help="The first month that is kept.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be trimmed, and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        before = _month(options["before"])
        if before > datetime.now(UTC).date():
            raise CommandError("That month has not begun: the one before it is not over.")
        months = months_before(before)
        if not months:
            self.stdout.write(f"There is nothing before {before:%Y-%m} to trim.")
        elif options["dry_run"]:
            for month in months:
                self.stdout.write(f"{month:%Y-%m}  {rows_of(month)} rows would be added up and dropped")
        else:
            self._trim(before, len(months))

    def _trim(self, before: date, number_of_months: int) -> None:
        try:
            for done, trimmed in enumerate(trim_months(before), start=1):
                became = f"{trimmed.rows} rows became {trimmed.lines} sums"
                self.stdout.write(f"{trimmed.month:%Y-%m}  {became}  ({done} of {number_of_months})")
        except (ValueError, LookupError) as error:
            raise CommandError(str(error)) from None
        except OperationalError:
            raise CommandError("The ledger is too busy at the moment. Run this again; nothing was half done.") from None


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise CommandError(f"{text} is not a month. Write it as YYYY-MM.") from None
