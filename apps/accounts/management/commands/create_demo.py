"""manage.py create_demo: the demo user and team, and how to sign in."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.accounts.demo import create_demo


class Command(BaseCommand):
    help = "Makes the demo user (OPIE_DEMO_EMAIL), owner of the team Demo, and prints the login. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        login = create_demo()
        password = login.password or "(as it was set)"
        self.stdout.write(f"Demo login: {login.email}  password: {password}")
