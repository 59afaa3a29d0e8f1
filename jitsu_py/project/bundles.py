"""The dependencies that travel inside a package (`bundleDependencies`), found as npm finds them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jitsu_py.project import workspaces
from jitsu_py.project.package import load
from jitsu_py.project.packwalk import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitsu_py.project.package import Package


@dataclass(frozen=True)
class Bundle:
    """A dependency that is packed with the project."""

    path: str
    """From the project's folder: `node_modules/a`; outside of it where the first step is `..`."""
    target: str
    """The folder itself, links followed."""
    package: Package | None
    kind: Kind


def bundles(root: str, package: Package) -> Iterator[Bundle]:
    """Yield the bundled dependencies and all that those need, each once."""
    if not package.bundled:
        return
    real = os.path.realpath(root)
    members = workspaces.members(real, package.workspaces)
    known = (set(package.dependencies) - package.unbundled) | members.keys()
    waiting = [(name, real) for name in reversed(package.bundled) if name in known]
    seen: set[str] = set()
    while waiting:
        name, user = waiting.pop()
        path = _resolved(name, user, real)
        if path is None or path in seen:
            continue
        seen.add(path)
        target = os.path.realpath(path)
        its_package = load(target)
        kind = Kind.BUNDLED if target == path else Kind.LINKED
        yield Bundle(os.path.relpath(path, real), target, its_package, kind)
        if its_package is not None:
            # For npm a package that is only linked is a project of its own, whose needs for development win.
            never = its_package.unbundled if kind is Kind.LINKED else frozenset()
            waiting += [(each, target) for each in reversed(its_package.dependencies) if each not in never]


def _resolved(name: str, user: str, root: str) -> str | None:
    """Return the folder that `user` gets a package from: its own node_modules, or that of a folder above."""
    last = os.path.commonpath([user, root])
    for folder in (user, *map(str, Path(user).parents)):
        candidate = f"{folder}/node_modules/{name}"
        if name and name[0] != "." and not folder.endswith("/node_modules") and os.path.lexists(candidate):
            return candidate
        if folder == last:
            break
    return None
