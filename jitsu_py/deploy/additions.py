"""Modules that the code asks for and package.json lacks: what npm would add, and adding it when told to."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.deploy.scripts import followed, program
from jitsu_py.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jitsu_py.deploy.findings import Finding
    from jitsu_py.reporter import Reporter

PATIENCE: Final = 15.0
"""Seconds that npm has to say which version there is."""

MOST: Final = 20
"""Modules looked up at most: a project that lacks more was not installed this way at all."""

TO_THE_ROOT: Final = "--ignore-workspace-root-check"
"""What pnpm and the first yarn want to hear where the project is the root of workspaces."""

MANAGERS: Final = {"yarn.lock": ("yarn", "add"), "pnpm-lock.yaml": ("pnpm", "add", TO_THE_ROOT)}
"""Who adds where a project has that lockfile; npm everywhere else."""

FIRST_YARN: Final = b"# yarn lockfile v1"
"""A line of the lockfile of yarn 1; its successors ask nothing, and know no such flag."""


@dataclass(frozen=True)
class Addition:
    """A dependency as npm would write it into package.json."""

    name: str
    version: str
    """A range: `^5.1.0`."""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def offered(folder: Path, findings: Sequence[Finding]) -> list[Addition]:
    """Ask npm for the version of each missing module; one that npm does not know is left out.

    Args:
        folder: the project's, whose .npmrc says where packages come from.
        findings: what a look at the code told.
    """
    names = list(dict.fromkeys(each.name for each in findings if each.kind == "missing" and each.warning))
    npm = program("npm")
    if npm is None or not names or program(adder(folder)[0]) is None:
        return []
    with ThreadPoolExecutor(max_workers=4) as pool:
        versions = pool.map(lambda name: _newest(npm, folder, name), names[:MOST])
    return [Addition(name, f"^{version}") for name, version in zip(names, versions, strict=False) if version]


def add(folder: Path, additions: Sequence[Addition], reporter: Reporter) -> None:
    """Have the project's package manager add dependencies: package.json, lockfile and node_modules follow.

    Raises:
        ProjectError: it failed; with its last lines.
    """
    tool, *words = adder(folder)
    found = program(tool)
    assert found is not None, "only what can be added is offered"
    command = [found, *words, *map(str, additions)]
    reporter.step(f"Running {tool} {' '.join(command[1:])}")
    status, last = followed(command, folder, reporter)
    if status != 0:
        raise ProjectError(
            f"{tool} could not add {', '.join(each.name for each in additions)} (exit code {status})",
            hint=f"run it by itself: {tool} {' '.join(command[1:])}",
            code="add_failed",
            output=last,
        )


def adder(folder: Path) -> tuple[str, ...]:
    """Return the command that adds dependencies to a project, by its lockfile."""
    for lockfile, words in MANAGERS.items():
        try:
            with (folder / lockfile).open("rb") as file:
                is_first_yarn = FIRST_YARN in file.read(1000)
        except FileNotFoundError:
            continue
        return (*words, TO_THE_ROOT) if is_first_yarn else words
    return ("npm", "install", "--save-prod", "--no-audit", "--no-fund")


def _newest(npm: str, folder: Path, name: str) -> str:
    """Return the version that `npm install NAME` would take; empty: npm knows none, or does not answer."""
    command = [npm, "view", "--json", "--", name, "version"]
    try:
        told = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
        version = json.loads(told.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return version if told.returncode == 0 and isinstance(version, str) else ""
