"""What the tree is held to beyond lint, types and imports."""

import re
import subprocess
from pathlib import Path

import pytest

from config.environment import ROOT, Environment

LONGEST_FILE = 400
# Names that say nothing about what is inside.
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
CODE = {".py", ".ts", ".html", ".sh"}
# A home folder, or a folder of a machine that builds; the paths inside a container are its own.
OF_A_MACHINE = re.compile(r"(?<![\w.])/(?:root|Users|work)/\w|(?<![\w.])/home/(?!opie\b)\w+/|(?<![\w.])/tmp/\w+")


def tracked() -> list[Path]:
    """The files of the repository; without git, as in an unpacked release, those that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        folders = ("apps", "config", "launcher", "tests", "docs", "templates", "frontend/src", "docker", "requirements")
        found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


FILES = tracked()


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 100


def test_files_are_short() -> None:
    code = [path for path in FILES if path.suffix in CODE and "migrations" not in path.parts]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in code
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert long == {}


def test_names_say_what_is_inside() -> None:
    parts = {part for path in FILES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & VAGUE == set()


def test_no_path_of_a_machine() -> None:
    found = []
    for path in FILES:
        if path == Path(__file__) or path.suffix in {".woff2", ".png", ".ico"}:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in OF_A_MACHINE.finditer(text)]
    assert found == []


@pytest.mark.parametrize("name", sorted(Environment.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    rows = [line for line in (ROOT / "docs/settings.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1
    assert rows[0].endswith(f"| {Environment.model_fields[name].description} |")


def test_no_setting_is_documented_that_is_none() -> None:
    from_the_table = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert sorted(set(from_the_table) & set(Environment.model_fields)) == sorted(Environment.model_fields)
