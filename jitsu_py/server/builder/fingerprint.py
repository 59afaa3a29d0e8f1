"""What an installed dependency tree depends on; two builds with the same fingerprint get the same tree.

Install scripts of dependencies may look at anything in the app, so where there are some, more counts: the
whole package.json, the app's configuration files and all its variables. What cannot be told from the outside
is not taken from the cache: `layout` says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.choice import LOCKFILES, NPM_LOCKFILES
from jitsu_py.server.builder.environment import PASSED
from jitsu_py.server.builder.layout import GROUPS
from jitsu_py.server.builder.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.builder.manager_fetch import Tool

INSTALLED: Final = (
    *GROUPS,
    "peerDependenciesMeta",
    "dependenciesMeta",
    "bundleDependencies",
    "bundledDependencies",
    "overrides",
    "resolutions",
    "packageManager",
    "engines",
    "os",
    "cpu",
    "libc",
    "config",
    "pnpm",
    "allowScripts",
)
"""What a package manager reads in a package.json."""

CONFIGURATION: Final = re.compile(r"\..+|.+\.(?:json|ya?ml|toml|prisma)|.+\.config\.[cm]?[jt]s|.+rc")
"""Files at the app's root that an install script of a dependency may read."""

CONFIGURATION_FOLDERS: Final = ("prisma", "patches", ".yarn/patches", ".yarn/plugins", ".yarn/releases")

TOOL_VARIABLES: Final = re.compile(r"(?i)(?:npm|yarn|pnpm|node|corepack|jitsu)_|node$|https?_proxy$|ci$")
"""Variables that package managers read."""

REFERENCE: Final = re.compile(r"\$\{([^}?]+)")
"""A variable in an .npmrc."""


def fingerprint(
    manifest: Mapping[str, Any],
    folder: Path,
    engine: Engine,
    tool: Tool,
    command: tuple[str, ...],
    *,
    env: Mapping[str, str],
    own: Mapping[str, str],
    user: str,
    packages: tuple[str, ...] = (),
) -> dict[str, str]:
    """Digests of all that decides what an install makes, each under the name a person knows it by.

    Args:
        manifest: the app's package.json.
        folder: the app as unpacked.
        engine: what it runs on.
        tool: the package manager.
        command: of it, that installs.
        env: of that command.
        own: the app's variables.
        user: whose app it is. Trees are not shared between users: one may have fetched what another may not.
        packages: folders of the app's own packages.
    """
    name, lockfile, scripts = _lockfile(folder, tool, command)
    npmrc = _text(folder / ".npmrc")
    server = [_text(Path(env.get("npm_config_userconfig", ""))), *(env.get(key, "") for key in PASSED)]
    names = [key for key in own if scripts or _is_read(key, npmrc + server[0])]
    parts: dict[str, object] = {
        "the user": user,
        "Node": engine.version,
        "the platform": [sys.platform, platform.machine(), _libc()],
        "the package manager": [tool.name, tool.version, *command[len(tool.command) :]],
        name or "the lockfile": lockfile,
        "package.json": {key: manifest[key] for key in sorted(manifest) if _counts(key, scripts=scripts)},
        ".npmrc": npmrc,
        "the server's npm configuration": server,
        "the app's variables": {key: own[key] for key in names},
        "the app's configuration files": _configurations(folder, packages) if scripts else [],
    }
    if packages:
        parts["the app's own packages"] = _packages(folder, packages)
    return {part: _digest(value) for part, value in parts.items()}


def key_of(parts: Mapping[str, str]) -> str:
    """One name for a whole fingerprint; fit for a folder."""
    return _digest(sorted(parts.items()))


def has_lockfile(folder: Path) -> bool:
    """Whether an app says which versions it wants to the last digit."""
    return any((folder / name).is_file() for name in (*NPM_LOCKFILES, *LOCKFILES.values()))


def _digest(value: object) -> str:
    data = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(data.encode()).hexdigest()[:40]


def _lockfile(folder: Path, tool: Tool, command: tuple[str, ...]) -> tuple[str, object, bool]:
    """The lockfile that a command goes by, what it says, and whether packages in it have install scripts."""
    names = (LOCKFILES[tool.name],) if tool.name in LOCKFILES else NPM_LOCKFILES
    name = next((name for name in names if (folder / name).is_file()), "")
    text = _text(folder / name) if name else ""
    try:
        parsed = json.loads(text if name in NPM_LOCKFILES else "{}")
        packages = parsed["packages"]
        own, _ = packages.pop("", {}), [parsed.pop(key, None) for key in ("name", "version")]
        kept = {key: value for key, value in own.items() if key not in ("name", "version")}
        scripts = any(_has_script(package, command) for package in packages.values())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Lockfiles that do not say whether there are scripts, or nothing that one can read.
        return name, text, True
    return name, [parsed, kept], scripts


def _has_script(package: Mapping[str, Any], command: tuple[str, ...]) -> bool:
    only_dev = bool(package.get("dev")) and "--omit=dev" in command
    return bool(package.get("hasInstallScript")) and not only_dev


def _is_read(variable: str, npmrc: str) -> bool:
    return TOOL_VARIABLES.match(variable) is not None or variable in REFERENCE.findall(npmrc)


def _counts(key: str, *, scripts: bool) -> bool:
    return key in INSTALLED or (scripts and key != "version")


def _packages(folder: Path, packages: tuple[str, ...]) -> list[tuple[str, str]]:
    """What package managers read in an app's own packages."""
    names = (MANIFEST, ".npmrc", *NPM_LOCKFILES, *LOCKFILES.values())
    paths = (f"{place}/{name}" for place in packages for name in names)
    return [(path, _file_digest(folder / path)) for path in paths if (folder / path).is_file()]


def _configurations(folder: Path, packages: tuple[str, ...]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(place, _configuration(folder / place)) for place in ("", *packages)]


def _configuration(folder: Path) -> list[tuple[str, str]]:
    with os.scandir(folder) as entries:
        files = [
            Path(entry.path)
            for entry in entries
            if entry.is_file() and CONFIGURATION.fullmatch(entry.name) and entry.name not in _NOT_AGAIN
        ]
    for name in CONFIGURATION_FOLDERS:
        files += [path for path in (folder / name).rglob("*") if path.is_file()]
    return [(str(path.relative_to(folder)), _file_digest(path)) for path in sorted(files)]


_NOT_AGAIN: Final = frozenset({MANIFEST, ".npmrc", *NPM_LOCKFILES, *LOCKFILES.values()})
"""They count already, for what they mean."""


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape") if path.name else ""
    except OSError:
        return ""


def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""
