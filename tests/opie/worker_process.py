"""Real worker processes over the database of this test run."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from config.environment import ROOT
from launcher.child import start_child, stop_child


@contextmanager
def worker_process(**environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """One worker; it ends with the block, if it has not before."""
    at = connection.settings_dict
    database = f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    own = {"DATABASE_URL": database, "OPIE_OFFLINE_PAUSE_MS": "0", "AGENTOS_ENABLED": "false", "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "manage.py", "worker", "--grace", "2"]
    process = start_child(command, folder=ROOT, environment=dict(os.environ) | own | environment)
    try:
        yield process
    finally:
        stop_child(process, [(signal.SIGKILL, 5.0)])
