"""Run benchmarks: `python -m benchmarks [name …]`. Each is a module with `run() -> dict`, and prints its own table."""

import importlib
import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

ALL = [
    *("answers", "sessions", "streams", "metering", "faults", "kills", "reading", "ingest", "retrieval", "search"),
    *("dispatcher", "commands", "store_tools"),
]
LATEST = Path(__file__).parent / "results" / "latest.json"


def main(names: list[str]) -> int:
    unknown = set(names) - set(ALL)
    if unknown:
        print(f"There is no benchmark named {', '.join(sorted(unknown))}. There are: {', '.join(ALL)}.")
        return 2
    results = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    for name in names or ALL:
        print(f"\n== {name}", flush=True)
        results[name] = importlib.import_module(f"benchmarks.{name}").run()
        results["machine"] = _machine()
        LATEST.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    return 0


def _machine() -> dict[str, object]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
