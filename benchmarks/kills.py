"""Web, AgentOS and worker processes killed under load, for longer than the test suite does: the same test, more kills, another seed."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KILLS = int(os.environ.get("OPIE_KILLS", "40"))
SEED = os.environ.get("OPIE_KILL_SEED", "7")


def run() -> dict[str, Any]:
    """Fails when the books are wrong afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "figures.json"
        environment = dict(os.environ) | {
            "OPIE_KILLS": str(KILLS),
            "OPIE_KILL_SEED": SEED,
            "OPIE_KILL_FIGURES": str(told),
        }
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--show-capture=no", "tests/opie/engine/test_kill.py"],
            env=environment,
            check=True,
        )
        figures: dict[str, Any] = json.loads(told.read_text())
    for name, value in figures.items():
        print(f"{name:<26} {value}")
    return figures
