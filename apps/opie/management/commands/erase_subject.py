"""manage.py erase_subject --kind customer --subject 12: nothing is known of that customer any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.opie.engine.profiles import of_subject


class Command(BaseCommand):
    help = (
        "Erase what agents have noted of one subject of a host's, such as a customer who asks for it, in every team. "
        "Conversations stay: they are those of the people who had them. Safe to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--kind", required=True, help="What it is, such as customer.")
        parser.add_argument("--subject", required=True, help="Which one, such as 12.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be erased, and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        found = of_subject(options["kind"], options["subject"])
        whose = f"{options['kind']} {options['subject']}"
        if options["dry_run"]:
            for profile in found.select_related("team"):
                self.stdout.write(f"{profile.schema} in {profile.team} would be erased")
            self.stdout.write(f"{found.count()} of {whose} in all. Nothing was changed.")
            return
        erased, _ = found.delete()
        profiles = "1 profile" if erased == 1 else f"{erased} profiles"
        self.stdout.write(f"{profiles} of {whose} {'was' if erased == 1 else 'were'} erased.")
