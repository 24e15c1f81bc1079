"""Tools of the release manager: the next version (Semantic Versioning 2.0.0) and a changelog out of the changes."""

import re
from dataclasses import dataclass
from datetime import date

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, require

MOST_CHANGES = 1000
NUMBER = r"(0|[1-9]\d{0,8})"
VERSION = re.compile(
    rf"v?{NUMBER}\.{NUMBER}\.{NUMBER}"
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
COMMIT = re.compile(r"(?P<kind>[A-Za-z-]+)(?:\((?P<scope>[^()]*)\))?(?P<breaking>!)?\s*:\s+(?P<text>.+)", re.DOTALL)
BREAKING = re.compile(r"^BREAKING[ -]CHANGE:\s", re.MULTILINE)
LABEL = re.compile(r"[0-9A-Za-z-]+")
SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
# Which kind of change goes where. What is in none is of no interest to users.
SECTION_OF = {
    "feat": "Added", "feature": "Added", "added": "Added", "add": "Added",
    "perf": "Changed", "changed": "Changed", "change": "Changed",
    "deprecated": "Deprecated", "deprecate": "Deprecated",
    "removed": "Removed", "remove": "Removed", "revert": "Removed",
    "fix": "Fixed", "fixed": "Fixed", "bugfix": "Fixed",
    "security": "Security", "sec": "Security",
}  # fmt: skip
QUIET = frozenset({"docs", "style", "refactor", "test", "tests", "build", "ci", "chore"})
NEW = frozenset({"feat", "feature", "added", "add", "deprecated", "deprecate"})
NOTHING, PATCH, MINOR, MAJOR = range(4)
LEVELS = ("nothing", "patch", "minor", "major")


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its build metadata, which says nothing about order."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    def __str__(self) -> str:
        core = f"{self.major}.{self.minor}.{self.patch}"
        return f"{core}-{'.'.join(self.pre)}" if self.pre else core

    def precedence(self) -> tuple[object, ...]:
        """Greater for the later version: numbers by size, before words; a release after its previews."""
        parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre)
        return self.major, self.minor, self.patch, not self.pre, parts


@dataclass(frozen=True, slots=True)
class Change:
    """One change as it was written: its kind in small letters (empty when none was named), and its text."""

    kind: str
    scope: str
    text: str
    is_breaking: bool

    @property
    def level(self) -> int:
        if self.is_breaking or self.kind in ("removed", "remove"):
            return MAJOR
        if self.kind in NEW:
            return MINOR
        return NOTHING if self.kind in QUIET else PATCH


def next_version(current: str, changes: list[str], prerelease: str = "") -> str:
    """The next version number by Semantic Versioning 2.0.0, from changes written as Conventional Commits.

    Args:
        current: The version that is out, such as 1.4.2
        changes: One each: feat: …, fix(api): …, feat!: … or with a line BREAKING CHANGE: …; removed: … counts as breaking
        prerelease: rc, beta or alpha for a preview of the version; empty for the release itself
    """
    require(changes, "changes", most=MOST_CHANGES)
    version, read = parse_version(current), [parse_change(change) for change in changes]
    label = prerelease.strip()
    if label and (not LABEL.fullmatch(label) or label.isdigit()):
        raise InvalidInput("prerelease: letters, digits and - only, such as rc.")
    level = max(change.level for change in read)
    if level == NOTHING and not version.pre:
        return f"None of these changes is seen by users: {version} stays. Release it as a patch only if you must."
    found = following(version, level, label)
    why = [
        f"{LEVELS[change.level]}: {change.text.splitlines()[0]}" for change in read if change.level == level and level
    ]
    notes = [f"Next version: {found}", f"The largest change is {LEVELS[level]}.", *why[:10]]
    if version.major == 0 and level == MAJOR:
        notes.append("Before 1.0.0 anything may change; a breaking change raises the minor number here.")
    return bullets(notes)


def following(version: Version, level: int, label: str = "") -> Version:
    """The version after this one for a change of this level; with a label a preview of it."""
    core = _raised(version, level)
    if not label:
        return core
    same_core = version.pre and (core.major, core.minor, core.patch) == (version.major, version.minor, version.patch)
    counted = same_core and version.pre[0] == label and version.pre[-1].isdigit()
    return Version(core.major, core.minor, core.patch, (label, str(int(version.pre[-1]) + 1 if counted else 1)))


def write_changelog(version: str, changes: list[str], released: str) -> str:
    """The entry of a changelog in the form of Keep a Changelog: sections by kind, what breaks first.

    Args:
        version: The version of the entry, such as 1.5.0, or Unreleased
        changes: One each, as Conventional Commits (feat: …, fix: …) or as Added: …, Changed: …, Removed: …
        released: The day of the release, such as 2026-03-02; empty for Unreleased
    """
    require(changes, "changes", most=MOST_CHANGES)
    title = _title(version, released)
    read = [parse_change(change) for change in changes]
    told = [change for change in read if change.is_breaking or change.kind not in QUIET]
    parts = [title]
    for section in SECTIONS:
        lines = [_line(change) for change in told if _section(change) == section]
        if lines:
            lines.sort(key=lambda line: not line.startswith("**Breaking"))
            parts.append(f"### {section}\n\n{bullets(lines)}")
    left_out = len(read) - len(told)
    if left_out:
        parts.append(f"({left_out} changes are of no interest to users and left out.)")
    return "\n\n".join(parts)


def parse_version(text: str) -> Version:
    """Raises InvalidInput for what is no version."""
    found = VERSION.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is no semantic version. Write it as 1.4.2 or 2.0.0-rc.1.")
    pre = tuple(found[4].split(".")) if found[4] else ()
    return Version(int(found[1]), int(found[2]), int(found[3]), pre)


def parse_change(text: str) -> Change:
    """A change by its prefix; one without any, or with a word that is no kind, is told as it stands."""
    text = text.strip().removeprefix("- ").strip()
    if not text:
        raise InvalidInput("One of the changes is empty.")
    breaking = bool(BREAKING.search(text))
    found = COMMIT.fullmatch(text)
    kind = found["kind"].lower() if found else ""
    if found is None or (kind not in SECTION_OF and kind not in QUIET):
        return Change("", "", text, breaking)
    return Change(kind, found["scope"] or "", found["text"].strip(), breaking or bool(found["breaking"]))


def _raised(version: Version, level: int) -> Version:
    if version.pre and level <= _level_of(version):
        return Version(version.major, version.minor, version.patch)  # its previews have raised it already
    if level == MAJOR and version.major > 0:
        return Version(version.major + 1, 0, 0)
    if level >= MINOR:
        return Version(version.major, version.minor + 1, 0)
    return Version(version.major, version.minor, version.patch + 1)


def _level_of(version: Version) -> int:
    """What its number was raised for."""
    if version.patch:
        return PATCH
    if version.minor:
        return MINOR if version.major else MAJOR
    return MAJOR


def _section(change: Change) -> str:
    return SECTION_OF.get(change.kind, "Changed")


def _line(change: Change) -> str:
    first, _, rest = change.text.partition("\n")
    note = BREAKING.split(rest, maxsplit=1)[1].strip().splitlines()[0] if BREAKING.search(rest) else ""
    scope = f"{change.scope}: " if change.scope else ""
    text = first[:1].upper() + first[1:] if not scope else first
    return ("**Breaking:** " if change.is_breaking else "") + scope + text + (f" ({note})" if note else "")


def _title(version: str, released: str) -> str:
    if version.strip().lower() == "unreleased":
        return "## [Unreleased]"
    try:
        day = date.fromisoformat(released.strip())
    except ValueError:
        raise InvalidInput("released: write the day as 2026-03-02.") from None
    return f"## [{parse_version(version)}] - {day.isoformat()}"
