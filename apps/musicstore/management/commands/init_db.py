"""Fill the music store."""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.musicstore.datasets.chinook import URL, read_chinook
from apps.musicstore.datasets.download import downloaded, is_url
from apps.musicstore.datasets.load import holds_chinook, load
from apps.musicstore.datasets.rows import Dataset, SourceRefused, TableReport
from apps.musicstore.datasets.sample import read_sample


class Command(BaseCommand):
    help = (
        "Fills the music store: from Chinook's SQLite file with --source, otherwise with the small sample that ships. "
        "All of it or nothing; run again, it changes only what differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--source",
            help=f"a Chinook SQLite file, or the address of the known one (fetched only when asked for): {URL}",
        )
        parser.add_argument("--quiet", action="store_true", help="say nothing unless it fails")

    def handle(self, *args: Any, source: str | None, quiet: bool, **options: Any) -> None:  # noqa: ARG002
        self.quiet = quiet
        if source is None and holds_chinook():
            self._say("The store holds Chinook already. Nothing to do.")
            return
        started = time.monotonic()
        try:
            reports = self._load(source)
        except SourceRefused as error:
            raise CommandError(error.message) from None
        created, updated, unchanged = (
            sum(getattr(report, what) for report in reports) for what in ("created", "updated", "unchanged")
        )
        seconds = time.monotonic() - started
        self._say(f"{created} created, {updated} updated, {unchanged} unchanged, in {seconds:.1f} s.")

    def _load(self, source: str | None) -> list[TableReport]:
        if source is None:
            return self._written(read_sample())
        if not is_url(source):
            self._say(f"Reading {source}")
            return self._written(read_chinook(Path(source), source))
        self._say(f"Fetching {source}")
        with downloaded(source) as path:
            return self._written(read_chinook(path, source))

    def _written(self, dataset: Dataset) -> list[TableReport]:
        self._say(f"Loading the {dataset.name} dataset")
        return load(dataset, self._tell)

    def _tell(self, report: TableReport) -> None:
        counts = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
        self._say(f"  {report.table:17}{report.total:>7}   {counts}")

    def _say(self, line: str) -> None:
        if not self.quiet:
            self.stdout.write(line)
            self.stdout.flush()
