"""Which modules the code of a project may ask for, by what its manifests say."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitsu_py.project import sources, specifiers, workspaces
from jitsu_py.project.package import package

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from jitsu_py.project.manifest import Manifest


class Standing(StrEnum):
    """What a specifier is to the project."""

    FINE = "fine"
    """Node's own, a file, declared, or nothing that npm could bring."""
    DEVELOPMENT = "development"
    """Declared in devDependencies, which are not installed where the app runs."""
    UNDECLARED = "undeclared"


@dataclass(frozen=True)
class _Names:
    needed: frozenset[str]
    development: frozenset[str]


@dataclass
class Declared:
    """The manifests of a project: its own, and those of the packages inside it."""

    manifest: Manifest
    folder: Path
    paths: Collection[str]
    """Of all files that are packed."""
    _inner: dict[str, _Names] = field(init=False)
    _known: dict[tuple[str, str], Standing] = field(default_factory=dict)
    _sent: frozenset[tuple[str, str]] = field(init=False)
    """Packages that are packed themselves: the folder that has them in its node_modules, and their name."""
    _builtins: frozenset[str] = field(init=False)
    _aliases: list[str] = field(init=False)
    _bases: list[str] = field(init=False)
    _members: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._inner = dict(self._manifests())
        self._sent = frozenset(_sent(self.paths))
        self._builtins = specifiers.builtins(self.manifest.engines_node)
        self._aliases = sources.aliases(self.folder)
        base = sources.base_url(self.folder)
        in_path = "NODE_PATH" in (self.manifest.start or "")
        self._bases = [*([base] if base else []), *(["."] if in_path else [])]
        patterns = package(self.manifest.data, str(self.folder)).workspaces
        self._members = frozenset(workspaces.members(str(self.folder), patterns))

    def standing(self, specifier: str, path: str) -> Standing:
        """Say what a specifier in the file at `path` is."""
        name = specifiers.package_of(specifier)
        if name is None:
            return Standing.FINE
        asked = specifier, posixpath.dirname(path)
        if asked not in self._known:
            self._known[asked] = self._standing(name, *asked)
        return self._known[asked]

    def _standing(self, name: str, specifier: str, folder: str) -> Standing:
        if specifier in self._builtins or name in self._builtins or name in self._members:
            return Standing.FINE
        if specifiers.matches_alias(specifier, self._aliases) or self._in_base(specifier):
            return Standing.FINE
        return self._declared(name, folder)

    def imports(self) -> Iterator[str]:
        """Yield the packages that the manifest's own `imports` lead to (`"#db": "pg"`)."""
        for target in _texts(self.manifest.data.get("imports")):
            if specifiers.package_of(target):
                yield target

    def _declared(self, name: str, folder: str) -> Standing:
        standing = Standing.UNDECLARED
        while True:
            if (folder, name) in self._sent:
                return Standing.FINE
            names = self._inner.get(folder)
            if names is not None and name in names.needed:
                return Standing.FINE
            if names is not None and name in names.development:
                standing = Standing.DEVELOPMENT
            if not folder:
                return standing
            folder = posixpath.dirname(folder)

    def _in_base(self, specifier: str) -> bool:
        for base in self._bases:
            first = posixpath.normpath(posixpath.join(base, specifier.partition("/")[0]))
            if sources.resolved(base, specifier, self.paths) or any(
                path.startswith(f"{first}/") for path in self.paths
            ):
                return True
        return False

    def _manifests(self) -> Iterator[tuple[str, _Names]]:
        yield "", _names(self.manifest.data)
        for path in self.paths:
            if path.endswith("/package.json") and "node_modules/" not in path:
                try:
                    data = json.loads(Path(self.folder, path).read_text(encoding="utf-8-sig"))
                except (OSError, ValueError, RecursionError):
                    continue
                if isinstance(data, dict):
                    yield posixpath.dirname(path), _names(data)


def _names(data: Mapping[str, Any]) -> _Names:
    groups = [data.get(key) for key in ("dependencies", "optionalDependencies", "peerDependencies")]
    needed = {name for group in groups if isinstance(group, dict) for name in group}
    own = data.get("name")
    development = data.get("devDependencies")
    return _Names(
        frozenset(needed | ({own} if isinstance(own, str) else set())),
        frozenset(development if isinstance(development, dict) else ()),
    )


def _sent(paths: Collection[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        at = path.rfind("node_modules/")
        if at >= 0 and (name := specifiers.package_of(path[at + len("node_modules/") :])):
            yield path[:at].rstrip("/"), name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
