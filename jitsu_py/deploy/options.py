"""What a person wants of a deploy, and what package.json becomes by it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.errors import ProjectError, UsageError
from jitsu_py.project import manifest as manifests
from jitsu_py.project import versions
from jitsu_py.wire import DRONES, RAM, SNAPSHOT_ID

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.project.manifest import Manifest, Problem


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """Everything that can be said about a deploy, decided before it begins."""

    folder: Path
    """Of the project."""
    user: str = ""
    """Whose app it is to be; empty: the client's own user."""
    release: str = ""
    """`patch`, `minor`, `major`, `build` or a version: bump package.json first; empty: leave it."""
    snapshot: str = ""
    """Id of the new snapshot; empty: the version, or its next build."""
    drones: int | None = None
    """Processes wanted; None: as it is, or the server's default."""
    ram: int | None = None
    """MiB a drone may use; None: as it is."""
    provider: str = ""
    """Where to run; empty: as it is."""
    datacenter: str = ""
    """Where to run; empty: as it is."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables to set beside those that the app has."""
    clear_cache: bool = False
    """Whether the server installs the dependencies anew."""
    force: bool = False
    """Whether to build also where nothing changed."""
    analyze: bool = False
    """Whether to look through the code for what it lacks."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What package.json lacks, as a merge patch: the answers that a person gave."""
    write: bool = False
    """Whether the answers go into package.json on disk; a bump always does."""

    def __post_init__(self) -> None:
        if self.snapshot and not re.fullmatch(SNAPSHOT_ID, self.snapshot):
            raise UsageError(
                f"{self.snapshot!r} is no snapshot id",
                hint="letters, digits and . _ + - are, up to 128 of them",
            )
        # The server says no too, but only when all is built.
        for what, number, may in (("drones", self.drones, DRONES), ("MiB of memory", self.ram, RAM)):
            if number is not None and number not in may:
                raise UsageError(f"{number} {what} cannot be", hint=f"give {may[0]} to {may[-1]}")


@dataclass(frozen=True, slots=True)
class Settled:
    """A manifest with nothing missing any more."""

    manifest: Manifest
    """With the changes in it, whether they are on disk or not."""
    changes: Mapping[str, Any]
    """The merge patch that made it so."""
    written: Mapping[str, Any]
    """The part of the changes that goes to disk."""
    diff: str
    """What that does to package.json; empty: nothing."""


def settle(options: DeployOptions) -> Settled:
    """Read package.json and complete it from the answers, the defaults and the bump; writes nothing.

    A default stands in for what is missing, never for what is there and wrong.

    Raises:
        ProjectError: naming everything that is wrong, or missing and without a default.
        UsageError: `release` is neither a word we know nor a version.
    """
    before = manifests.read(options.folder, check=False)
    answered = _with(before, options.answers)
    open_ = [found for found in manifests.problems(answered, options.folder) if found.needed]
    if blocking := [found for found in open_ if not found.missing or found.default is None]:
        raise _unusable(blocking)
    changes = dict(options.answers)
    for found in open_:
        changes = _merged(changes, found.change(str(found.default)))
    written = dict(options.answers) if options.write else {}
    if options.release:
        bump = {"version": versions.bump(_with(before, changes).version, options.release)}
        changes, written = _merged(changes, bump), _merged(written, bump)
    return Settled(
        _with(before, changes), changes, written, manifests.diff(before, written) if written else ""
    )


def _unusable(found: list[Problem]) -> ProjectError:
    wishes = [f'"{each.field}": {json.dumps(each.default)}' for each in found if each.default is not None]
    return ProjectError(
        " ".join(each.message for each in found),
        hint=f"in package.json, {', '.join(wishes)} would do" if wishes else "change it in package.json",
        details={"fields": [each.field for each in found]},
    )


def _with(manifest: Manifest, changes: Mapping[str, Any]) -> Manifest:
    """Give the manifest as it will be read once the changes are in it."""
    if not changes:
        return manifest
    return manifests.parse(manifest.path, manifests.changed(manifest, changes))


def _merged(changes: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one merge patch over another."""
    result = dict(changes)
    for key, value in more.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
