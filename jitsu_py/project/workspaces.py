"""npm's workspaces: which folders of a project are packages of their own, and whose one a folder is."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from jitsu_py.project import globs
from jitsu_py.project.package import load
from jitsu_py.project.packwalk import IGNORE_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def members(root: str, patterns: Sequence[str]) -> dict[str, str]:
    """Return the packages that a root's patterns name: package name to path from the root."""
    found = {}
    for path in _folders(root, _depth(patterns)) if patterns else ():
        if _named(path, patterns) and (name := _package_name(f"{root}/{path}")):
            found[name] = path
    return found


def outer_ignores(folder: str) -> list[str]:
    """Return the ignore files that hold for a folder as a workspace, its root's first; none if it is none."""
    real = Path(os.path.realpath(folder))
    root = next((each for each in real.parents if _holds(each, real)), None)
    if root is None:
        return []
    between = [each for each in real.parents if each.is_relative_to(root)]
    return [text for each in reversed(between) if (text := _ignore_text(each)) is not None]


def _holds(root: Path, folder: Path) -> bool:
    package = load(str(root))
    return package is not None and _named(folder.relative_to(root).as_posix(), package.workspaces)


def _named(path: str, patterns: Sequence[str]) -> bool:
    """Say whether the patterns name a folder; a later one overrules an earlier one."""
    named, text = False, globs.units(path)
    for each in patterns:
        body = each.lstrip("!")
        anchored = "/" + re.sub(r"^\.?/+", "", body).rstrip("/")
        pattern = globs.pattern(anchored)
        if pattern and any(re.fullmatch(expression, text, re.DOTALL) for expression in pattern.path):
            named = (len(each) - len(body)) % 2 == 0
    return named


def _depth(patterns: Sequence[str]) -> int:
    """Return how many levels down a match can be; many where a pattern does not say."""
    return max(64 if "**" in each else each.count("/") + 1 + each.count("{") * 4 for each in patterns)


def _folders(root: str, depth: int, prefix: str = "") -> Iterator[str]:
    try:
        with os.scandir(f"{root}/{prefix}") as entries:
            names = {entry.name: entry.is_symlink() for entry in entries if entry.is_dir()}
    except OSError:
        return
    for name in sorted(names):
        if name != "node_modules" and not name.startswith("."):
            yield f"{prefix}{name}"
            if depth > 1 and not names[name]:
                yield from _folders(root, depth - 1, f"{prefix}{name}/")


def _package_name(folder: str) -> str | None:
    try:
        data = json.loads(Path(folder, "package.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and name else Path(folder).name


def _ignore_text(folder: Path) -> str | None:
    for name in IGNORE_FILES:
        try:
            return Path(folder, name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return None
