"""manage.py setup_platforms: the LLM platforms that the environment names, as rows. Safe to repeat."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.encryption import KeyMissing
from apps.opie.providers.setup import Report, VariableError, set_up_platforms


class Command(BaseCommand):
    help = "Create or update the installation's LLM platforms from the environment. Never prints a key."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        try:
            reports = set_up_platforms(os.environ)
        except (VariableError, KeyMissing) as error:
            raise CommandError(str(error)) from None
        width = max(len(report.platform_name) for report in reports)
        for report in reports:
            self.stdout.write(_line(report, width))


def _line(report: Report, width: int) -> str:
    return f"{report.platform_name:<{width}}  {report.what:<9}  {report.why}"
