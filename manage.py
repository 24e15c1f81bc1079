#!/usr/bin/env python
"""Django's commands, on the same database as a running instance (or a temporarily started one)."""

import os
import sys

from launcher.environment import prepare_environment
from launcher.postgres import database_for_command


def main() -> None:
    prepare_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    with database_for_command():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
