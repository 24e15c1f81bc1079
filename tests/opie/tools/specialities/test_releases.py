"""Versions and changelogs: the rules of Semantic Versioning, Conventional Commits and Keep a Changelog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.releases import (
    MAJOR,
    MINOR,
    PATCH,
    Version,
    following,
    next_version,
    parse_change,
    parse_version,
    write_changelog,
)

NUMBERS = st.integers(0, 500)
VERSIONS = st.builds(
    Version, NUMBERS, NUMBERS, NUMBERS, st.sampled_from([(), ("rc", "1"), ("beta",), ("alpha", "7"), ("0", "x-y")])
)


@pytest.mark.parametrize(
    ("current", "changes", "prerelease", "expected"),
    [
        ("1.4.2", ["fix: rounding"], "", "1.4.3"),
        ("1.4.2", ["fix: rounding", "feat(api): totals"], "", "1.5.0"),
        ("1.4.2", ["feat!: drop v1"], "", "2.0.0"),
        ("1.4.2", ["fix: x\n\nBREAKING CHANGE: the field is gone"], "", "2.0.0"),
        ("v2.3.1", ["Removed: the endpoint", "fix: two"], "", "3.0.0"),
        ("1.4.2", ["Deprecated: the old name"], "", "1.5.0"),
        ("0.4.2", ["feat!: new core"], "", "0.5.0"),
        ("0.4.2", ["fix: x"], "", "0.4.3"),
        ("1.4.2", ["feat: x"], "rc", "1.5.0-rc.1"),
        ("1.5.0-rc.1", ["fix: x"], "rc", "1.5.0-rc.2"),
        ("1.5.0-rc.9", ["fix: x"], "rc", "1.5.0-rc.10"),
        ("1.5.0-rc.1", ["fix: x"], "", "1.5.0"),
        ("1.5.0-rc.1", ["feat!: x"], "", "2.0.0"),
        ("1.5.0-beta.3", ["fix: x"], "rc", "1.5.0-rc.1"),
        ("1.4.3-rc.1", ["feat: x"], "rc", "1.5.0-rc.1"),
        ("1.5.0-rc.2", ["docs: x"], "", "1.5.0"),
        ("1.0.0+build.5", ["Make it faster"], "", "1.0.1"),
    ],
)
def test_the_next_version(current: str, changes: list[str], prerelease: str, expected: str) -> None:
    assert next_version(current, changes, prerelease).splitlines()[0] == f"- Next version: {expected}"


def test_what_nobody_sees_is_no_release() -> None:
    assert "1.4.2 stays" in next_version("1.4.2", ["docs: typo", "chore(deps): raise", "refactor: split"])


@pytest.mark.parametrize("wrong", ["1.2", "01.2.3", "1.2.3-", "1.2.3-01", "one", "", "1.2.3.4", "1.2.3-a..b"])
def test_no_version(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="semantic version"):
        next_version(wrong, ["fix: x"])


def test_precedence_as_the_specification_lists_it() -> None:
    order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1"]  # fmt: skip
    parsed = [parse_version(text) for text in order]
    backwards = parsed[::-1]
    assert sorted(backwards, key=Version.precedence) == parsed


@given(VERSIONS, st.sampled_from([PATCH, MINOR, MAJOR]), st.sampled_from(["", "rc"]))
def test_a_release_is_always_later(version: Version, level: int, label: str) -> None:
    found = following(version, level, label)
    assert parse_version(str(found)) == found
    if not label:
        assert found.precedence() > version.precedence()
        assert not found.pre


@given(VERSIONS)
def test_a_version_is_read_as_it_is_written(version: Version) -> None:
    assert parse_version(str(version)) == version


def test_a_changelog_in_its_sections() -> None:
    said = write_changelog(
        "1.5.0",
        [
            "fix(export): keep the cents", "feat: totals for each team", "chore: raise pins", "Security: escape names",
            "feat(api)!: ids are strings\n\nBREAKING CHANGE: numbers are refused", "Renamed nothing",
        ],
        "2026-03-02",
    )  # fmt: skip
    assert said.startswith(
        "## [1.5.0] - 2026-03-02\n\n### Added\n\n- **Breaking:** api: ids are strings (numbers are refused)"
    )
    assert said.index("### Added") < said.index("### Changed") < said.index("### Fixed") < said.index("### Security")
    assert "- Totals for each team" in said
    assert "- export: keep the cents" in said
    assert "pins" not in said
    assert "(1 changes are of no interest" in said
    assert write_changelog("Unreleased", ["fix: x"], "").startswith("## [Unreleased]\n\n### Fixed")
    with pytest.raises(InvalidInput, match="2026-03-02"):
        write_changelog("1.5.0", ["fix: x"], "tomorrow")


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_is_a_change(text: str) -> None:
    if text.strip().removeprefix("- ").strip():
        parse_change(text)
        assert write_changelog("1.0.0", [text], "2026-01-01")
