"""Bring the agents of the catalogue into the rows."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.opie.engine.default_agents import (
    MembersMissing,
    UnusableFile,
    bring_in,
    catalogue,
    catalogue_of_hosts,
)


class Command(BaseCommand):
    help = "Creates or updates the agents that come with Opie and its hosts' apps. What a person has edited is skipped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--overwrite", action="store_true", help="also replace agents that a person has edited")

    def handle(self, *args: Any, overwrite: bool, **options: Any) -> None:  # noqa: ARG002
        try:
            for default in [*catalogue(), *catalogue_of_hosts()]:
                self.stdout.write(f"{bring_in(default, overwrite=overwrite):10}{default.agent_id}")
        except (UnusableFile, MembersMissing) as error:
            raise CommandError(str(error)) from error
