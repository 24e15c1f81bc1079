"""Bring the commands of the catalogue into the library."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.opie.library.catalogue import bring_in, catalogue


class Command(BaseCommand):
    help = "Creates or updates the commands that come with Opie. What a person has edited is skipped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--overwrite", action="store_true", help="also replace commands that a person has edited")

    def handle(self, *args: Any, overwrite: bool, **options: Any) -> None:  # noqa: ARG002
        for default in catalogue():
            self.stdout.write(f"{bring_in(default, overwrite=overwrite):10}{default.slug}")
