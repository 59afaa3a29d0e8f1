"""In what a snapshot that did not come up differs from the last one that did: where to look first."""

from __future__ import annotations

import filecmp
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.manifest import section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jitsu_py.server.builder import Contents

NAMED: Final = 5
"""Things of a kind that are named; of more, their number."""

PATIENCE: Final = 3.0
"""Seconds for reading files; those beyond are taken for unchanged unless their sizes differ."""


@dataclass(frozen=True)
class Side:
    """One of the two."""

    ref: str
    """Id of the snapshot."""
    contents: Contents
    folder: Path
    """Where it lies, built."""
    engine: str
    """Node's version."""
    command: str
    """What starts it."""
    env: Mapping[str, str]
    """The app's variables, of that start."""


def differences(old: Side, new: Side) -> dict[str, list[str]]:
    """What differs, by kind (files, dependencies, engine, start, environment), each a few words.

    Of variables, the names only: values are secrets.
    """
    found = {
        "files": list(_files(old, new)),
        "dependencies": list(_table(_dependencies(old), _dependencies(new))),
        "engine": [] if old.engine == new.engine else [f"Node {old.engine} -> {new.engine}"],
        "start": [] if old.command == new.command else [f"{old.command} -> {new.command}"],
        "environment": list(_table(dict(old.env), dict(new.env), shown=False)),
    }
    return {kind: words for kind, words in found.items() if words}


def sentence(ref: str, found: Mapping[str, list[str]]) -> str:
    """Say what differs from the snapshot `ref`, shortly."""
    if not found:
        return f"Nothing of it differs from {ref}, which came up before."
    kinds = (f"{kind}: {_some(words)}" for kind, words in found.items())
    return f"Changed since {ref}, which came up: {'; '.join(kinds)}."


def _some(words: list[str]) -> str:
    rest = len(words) - NAMED
    return ", ".join(words[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _files(old: Side, new: Side) -> Iterator[str]:
    before = {file.path: file.size for file in old.contents.files}
    after = {file.path: file.size for file in new.contents.files}
    deadline = time.monotonic() + PATIENCE
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            yield f"{path} removed"
        elif path not in before:
            yield f"{path} added"
        elif before[path] != after[path] or (
            time.monotonic() < deadline and _differs(old.folder / path, new.folder / path)
        ):
            yield path


def _differs(old: Path, new: Path) -> bool:
    """Whether two files of one size differ; what is no plain file any more is passed over."""
    try:
        if not all(stat.S_ISREG(path.lstat().st_mode) for path in (old, new)):
            return False
        return not filecmp.cmp(old, new, shallow=False)
    except OSError:
        return False


def _dependencies(side: Side) -> dict[str, str]:
    manifest: Mapping[str, Any] = side.contents.manifest
    merged = {**section(manifest, "dependencies"), **section(manifest, "optionalDependencies")}
    return {name: str(version) for name, version in merged.items()}


def _table(old: dict[str, str], new: dict[str, str], *, shown: bool = True) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield f"{name} removed"
        elif name not in old:
            yield f"{name} {new[name]} added" if shown else f"{name} added"
        elif old[name] != new[name]:
            yield f"{name} {old[name]} -> {new[name]}" if shown else f"{name} changed"
