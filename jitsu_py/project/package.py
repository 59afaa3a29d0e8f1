"""What npm makes of a package.json before it packs the folder: commands, `files`, bundled dependencies."""

from __future__ import annotations

import json
import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitsu_py.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Package:
    """The parts of a manifest that decide which files are packed."""

    files: tuple[str, ...] | None
    """Patterns of what to pack; None: there is no list, so everything."""
    named: tuple[str, ...]
    """What the manifest needs beside: main, browser, commands."""
    commands: frozenset[str]
    """Paths of the commands, which have to be executable."""
    bundled: tuple[str, ...]
    """Names of the dependencies that travel inside."""
    dependencies: tuple[str, ...]
    """Names of what it needs to run, optional ones included."""
    unbundled: frozenset[str]
    """Names that npm never bundles: peers, and what is only for development."""
    workspaces: tuple[str, ...]
    """Patterns of folders that are packages of their own."""


def package(data: Mapping[str, Any], folder: str) -> Package:
    """Read what decides the packing.

    Raises:
        ProjectError: `files` is no list of texts, which npm cannot pack.
    """
    commands = _commands(data, folder)
    named = [text for key in ("browser", "main") if (text := _javascript(data.get(key)))]
    optional = _names(data, "optionalDependencies")
    needed = dict.fromkeys((*_names(data, "dependencies"), *optional))
    peers = set(_names(data, "peerDependencies")) - set(needed)
    return Package(
        files=_files(data.get("files"), folder),
        named=(*named, *commands),
        commands=frozenset(commands),
        bundled=_bundled(data),
        dependencies=tuple(needed),
        unbundled=frozenset(peers | set(_names(data, "devDependencies"))),
        workspaces=_workspaces(data.get("workspaces")),
    )


def load(folder: str) -> Package | None:
    """Read the package in a folder of node_modules; None: it has no manifest. A broken one says nothing."""
    try:
        data = json.loads(Path(folder, "package.json").read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        data = {}
    return package(data if isinstance(data, dict) else {}, folder)


def _files(value: Any, folder: str) -> tuple[str, ...] | None:
    if value is None or value is False or value in ("", 0):
        return None
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ProjectError(
            f'"files" in {folder}/package.json is no list of texts.',
            hint='It looks like "files": ["lib", "index.js"]; without it everything is packed.',
        )
    return tuple(value)


def _javascript(value: Any) -> str:
    """Return the value as JavaScript puts it into a text; empty where it counts as nothing."""
    if isinstance(value, str):
        return value
    if value is None or value is False or value == 0:
        return ""
    if isinstance(value, list):
        return ",".join("" if each is None else _javascript(each) for each in value)
    if isinstance(value, dict):
        return "[object Object]"
    return json.dumps(value)


def _commands(data: Mapping[str, Any], folder: str) -> list[str]:
    value, folders = data.get("bin"), data.get("directories")
    if not value and isinstance(folders, dict) and isinstance(folders.get("bin"), str) and folders["bin"]:
        start = _secure(folders["bin"])
        # Of several with one name npm keeps the one that it happens to meet last; here all stay.
        return [f"{start}/{path}" for path in _glob(f"{folder}/{start}")]
    if isinstance(value, str):
        value = {"bin": value} if data.get("name") else {}
    elif isinstance(value, list):
        value = {posixpath.basename(path): path for path in value if isinstance(path, str)}
    targets = value.values() if isinstance(value, dict) else ()
    return list(dict.fromkeys(path for each in targets if isinstance(each, str) and (path := _secure(each))))


def _glob(folder: str) -> Iterator[str]:
    """Yield the paths below a folder as the pattern `**` finds them: no hidden ones."""
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        at = os.path.relpath(current, folder)
        for name in sorted((*folders, *files)):
            if not name.startswith("."):
                yield name if at == "." else f"{at}/{name}"


def _secure(path: str) -> str:
    """Return the path with nothing that leads out of the package, as npm does with commands."""
    unix = re.sub(r"[\\:]", "/", path)
    inside = posixpath.normpath(f"/{unix}").lstrip("/")
    return f"{inside}/" if inside and unix.endswith("/") else inside


def _bundled(data: Mapping[str, Any]) -> tuple[str, ...]:
    value = data.get("bundleDependencies", data.get("bundledDependencies"))
    if value is True:
        return _names(data, "dependencies")
    if isinstance(value, list | dict):
        return tuple(name for name in value if isinstance(name, str))
    return ()


def _names(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    return tuple(value) if isinstance(value, dict) else ()


def _workspaces(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        value = value.get("packages")
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
