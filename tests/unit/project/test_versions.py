"""Snapshot ids and bumps."""

from __future__ import annotations

import re

import nodesemver
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.errors import ProjectError, UsageError
from jitsu_py.project import versions
from jitsu_py.wire import SNAPSHOT_ID

_NUMBER = st.integers(0, 999)
_RELEASES = st.builds("{}.{}.{}".format, _NUMBER, _NUMBER, _NUMBER)
_TAGS = st.sampled_from(["", "-1", "-12", "-beta", "-beta.2", "-rc-3", "+build", "-1+x"])
_VERSIONS = st.builds("{}{}".format, _RELEASES, _TAGS)


@pytest.mark.parametrize(
    ("version", "taken", "expected"),
    [
        ("0.1.0", [], "0.1.0"),
        ("0.1.0", ["0.1.0"], "0.1.0-1"),
        ("0.1.0", ["0.1.0", "0.1.0-1"], "0.1.0-2"),
        ("0.1.0", ["0.1.0-9", "0.1.0", "0.1.0-10", "0.1.1-50", "junk"], "0.1.0-11"),
        ("0.1.0", ["0.1.0-4", "0.1.0-5"], "0.1.0-6"),
        ("0.1.0-2", ["0.1.0-2", "0.1.0-7"], "0.1.0-8"),
        ("0.1.0-2", ["0.1.0", "0.1.0-1"], "0.1.0-2"),
        ("0.1.0-2", ["0.1.0-7"], "0.1.0-8"),
        ("0.1.0-beta", ["0.1.0-beta"], "0.1.0-beta-1"),
        ("v0.1.0", ["0.1.0"], "0.1.0-1"),
    ],
)
def test_the_next_id_is_the_version_or_its_next_build(version: str, taken: list[str], expected: str) -> None:
    """A version past all others of its kind is its own id; another gets the build after the highest."""
    assert versions.next_id(version, taken) == expected


@given(_VERSIONS, st.integers(1, 30), st.integers(1, 30))
def test_ids_never_repeat(version: str, count: int, kept: int) -> None:
    """However often a version is deployed, and few kept, each id is new, valid and semver."""
    taken: list[str] = []
    for _ in range(count):
        new = versions.next_id(version, taken[-kept:])
        assert new not in taken
        assert re.fullmatch(SNAPSHOT_ID, new)
        assert versions.clean(new) == new
        taken.append(new)


@pytest.mark.parametrize(
    ("version", "release", "expected"),
    [
        ("0.1.0", "build", "0.1.0-1"),
        ("0.1.0-1", "build", "0.1.0-2"),
        ("0.1.0-9", "build", "0.1.0-10"),
        ("0.1.0+5", "build", "0.1.0-1"),
        ("0.1.0-2", "patch", "0.1.1"),
        ("0.1.0-2", "minor", "0.2.0"),
        ("0.1.0-2", "major", "1.0.0"),
        ("1.9.9", "patch", "1.9.10"),
        ("1.0.0-rc.1", "patch", "1.0.0"),
        ("1.0.0", "3.4.5", "3.4.5"),
        ("1.0.0", "v3.4.5-beta.1", "3.4.5-beta.1"),
        ("0.9.0", "0.1.0", "0.1.0"),
    ],
)
def test_a_bump(version: str, release: str, expected: str) -> None:
    """Words count up as in jitsu 0.15, a version is taken as it is."""
    assert versions.bump(version, release) == expected


@given(_RELEASES, st.sampled_from(["patch", "minor", "major"]))
def test_a_bump_of_a_plain_version_is_npms(version: str, release: str) -> None:
    """Without a build suffix the rules are npm's own."""
    assert versions.bump(version, release) == nodesemver.inc(version, release, False)


@given(_VERSIONS, st.sampled_from(versions.RELEASES))
def test_a_bump_is_a_version(version: str, release: str) -> None:
    """What a bump gives can be bumped again, and is another one."""
    bumped = versions.bump(version, release)
    assert versions.clean(bumped) == bumped
    assert bumped != version


def test_a_word_that_is_no_release_is_explained() -> None:
    """The hint guesses what was meant."""
    with pytest.raises(UsageError) as refused:
        versions.bump("1.0.0", "pathc")

    assert "Did you mean patch?" in refused.value.hint


@pytest.mark.parametrize("release", ["", "1.2", "x" * 5000, "1.2.3.4", "99999999999999999999.0.0", "-1"])
def test_what_is_neither_word_nor_version_is_refused(release: str) -> None:
    """Half a version is no version."""
    with pytest.raises(UsageError):
        versions.bump("1.0.0", release)


def test_a_version_that_leaves_no_room_for_a_build() -> None:
    """An id that the platform would refuse is refused here, with a hint."""
    longest = "1.0.0-" + "a" * (versions.LONGEST - 6)

    assert versions.next_id(longest, []) == longest
    with pytest.raises(ProjectError, match="too long"):
        versions.next_id(longest, [longest])


@given(st.text(max_size=30))
def test_any_text_is_a_version_or_none(text: str) -> None:
    """No text makes the reader stumble."""
    found = versions.clean(text)
    assert found is None or nodesemver.valid(found, False)
