"""Benchmarks of parts of Opie, without a server around them: each in a process and a database of its own."""

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet

from benchmarks.processes import ROOT, database

if TYPE_CHECKING:
    from apps.opie.scope import RunScope


def figures_of(module: str, *arguments: str) -> dict[str, Any]:
    """What `python -m module …` prints as JSON, against a new database that is thrown away. Raises CalledProcessError."""
    with database() as url, tempfile.TemporaryDirectory(prefix="opie-bench-data-") as folder:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "OPIE_ENV": "test",
            "OPIE_DATA_DIR": folder,
            "SECRET_KEY": "only-for-benchmarks-" + "x" * 48,
            "OPIE_ENCRYPTION_KEYS": json.dumps([Fernet.generate_key().decode()]),
            "DATABASE_URL": url,
            "REDIS_URL": "",
            "LOG_LEVEL": "CRITICAL",
            "AGNO_TELEMETRY": "false",
        }
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        command = [sys.executable, "-m", module, *arguments]
        child = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(child.stdout.rpartition("\nFIGURES ")[2])
    return figures


def print_figures(figures: dict[str, Any]) -> None:
    """For `figures_of`, behind whatever else was printed."""
    print("\nFIGURES " + json.dumps(figures), flush=True)


def someone() -> "RunScope":
    """A person in a team with a run under way. Sync: it makes rows."""
    from apps.accounts.models import Membership, Role, Team, User
    from apps.accounts.principal import principal_for
    from apps.opie.models import AgentOSRun
    from apps.opie.scope import RunScope

    user = User.objects.create_user("bench@example.com")
    team = Team.objects.create(name="Bench", slug="bench")
    Membership.objects.create(user=user, team=team, role=Role.OWNER)
    run = AgentOSRun.objects.create(user_id=user.pk, team_id=team.pk)
    return RunScope(principal_for(user, team), run_id=run.pk)
