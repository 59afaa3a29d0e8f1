"""Snapshot ids and `--release` bumps: what follows a version, by npm's semver and jitsu's build suffix.

A build is a numeric suffix, `0.1.0-3`, as jitsu 0.15 wrote it. It comes after its release here, while
npm's semver would call it a pre-release that comes before; so the suffix is ours and the rest is npm's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jitsu_py.errors import ProjectError, UsageError
from jitsu_py.wire import SNAPSHOT_ID

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST: Final = 128
"""Longest version that can be a snapshot id, characters; npm itself allows 256."""

RELEASES: Final = ("patch", "minor", "major", "build")
"""Words that `--release` takes, beside a version of its own."""

_BUILD = re.compile(r"(?P<base>.+?)-(?P<number>0|[1-9][0-9]{0,15})", re.ASCII | re.DOTALL)
_LARGEST: Final = 2**53 - 1  # of a part, since npm's semver counts in JavaScript's integers


def clean(version: str) -> str | None:
    """Return the version as npm reads it (`v1.2.3` is `1.2.3`), or None where it is no semver."""
    import nodesemver

    text = version.strip().removeprefix("=").removeprefix("v").strip()
    if not text.isascii() or len(text) > LONGEST or not nodesemver.valid(text, False):
        return None
    return None if any(int(part) > _LARGEST for part in re.findall(r"\d+", _release(text))) else text


def next_id(version: str, taken: Collection[str]) -> str:
    """Return the snapshot id of the next deploy: the version itself, or the next build of it.

    No id comes twice: it is past all others of its version, of which the earlier ones may be gone by now.

    Args:
        version: the manifest's version.
        taken: ids of the snapshots that exist, in any order.

    Raises:
        ProjectError: the version is no semver, or no id is left that the platform would take.
    """
    wanted = _checked(version)
    base, number = _split(wanted)
    highest = max((its for other, its in map(_split, taken) if other == base), default=-1)
    return wanted if number > highest else _fitting(f"{base}-{highest + 1}")


def bump(version: str, release: str) -> str:
    """Return the version that `--release` asks for.

    `build` counts the suffix up (`0.1.0` → `0.1.0-1` → `0.1.0-2`), `patch`, `minor` and `major` raise the
    release and drop the suffix (`0.1.0-2` → `0.1.1`), and a version is taken as it is.

    Raises:
        ProjectError: the version to start from is no semver.
        UsageError: `release` is neither one of the words nor a semver.
    """
    if (named := clean(release)) is not None:
        return named
    if release not in RELEASES:
        raise UsageError(_no_release(release), hint=_release_hint(release))
    current = _checked(version)
    if release == "build":
        base, number = _split(current.partition("+")[0])
        return _fitting(f"{base}-{number + 1}")
    return _raised(current, release)


def _raised(version: str, release: str) -> str:
    import nodesemver

    built = _BUILD.fullmatch(version.partition("+")[0])
    # 0.1.0-2 is past 0.1.0, so its next patch is 0.1.1; npm would finish the "pre-release" with 0.1.0.
    base = built["base"] if built else version
    return str(nodesemver.inc(base, release, False))


def _split(version: str) -> tuple[str, int]:
    found = _BUILD.fullmatch(version)
    return (found["base"], int(found["number"])) if found else (version, 0)


def _release(version: str) -> str:
    return re.split(r"[-+]", version, maxsplit=1)[0]


def _checked(version: str) -> str:
    cleaned = clean(version)
    if cleaned is None:
        raise ProjectError(
            f'"{version[:60]}" in package.json is no version that npm understands.',
            hint='Give it three numbers, for instance "version": "0.1.0".',
        )
    return cleaned


def _fitting(snapshot: str) -> str:
    if not re.fullmatch(SNAPSHOT_ID, snapshot):
        raise ProjectError(
            f'"{snapshot[:60]}…" is too long for a snapshot id: the platform takes {LONGEST} characters.',
            hint="Shorten the version in package.json.",
        )
    return snapshot


def _no_release(release: str) -> str:
    return f'"{release[:60]}" is no release that jitsu knows.'


def _release_hint(release: str) -> str:
    import difflib

    close = difflib.get_close_matches(release.lower(), RELEASES, n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return f"{meant}Use {', '.join(RELEASES)}, or a version such as 1.2.3."
