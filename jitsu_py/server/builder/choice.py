"""Which package manager a project uses, and which version of it: by `packageManager`, else the lockfile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import nodesemver

from jitsu_py.server.builder.manifest import section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NPM_LOCKFILES: Final = ("npm-shrinkwrap.json", "package-lock.json")

LOCKFILES: Final = {"yarn": "yarn.lock", "pnpm": "pnpm-lock.yaml"}
"""Those of the other package managers."""

YARN_SETTINGS: Final = ".yarnrc.yml"
"""Of Yarn 2 and later; its presence tells them from Yarn 1."""

NAMED: Final = re.compile(r"(npm|yarn|pnpm)@([^+\s]+)(?:\+(\w+)\.([0-9a-fA-F]+))?")
"""`packageManager`, as corepack reads it."""

YARNS: Final = ((4, "2"), (6, "3"), (99, "4"))
"""Up to which version of the lockfile which Yarn writes it."""

PNPMS: Final = ((5, "7"), (6, "8"), (99, ">=9 <11"))
"""The same of pnpm's."""

CLASSIC: Final = "1"
"""The range of Yarn 1."""


@dataclass(frozen=True)
class Choice:
    """A package manager as a project wants it."""

    name: str
    """`npm`, `yarn` or `pnpm`."""
    wanted: str = ""
    """A version or a range by npm's rules; empty: the npm at hand."""
    digest: tuple[str, str] = ("", "")
    """Name of the hash and its hex value, where the project names one."""
    script: Path | None = None
    """The project brings its own: the file that `yarnPath` names."""

    @property
    def is_berry(self) -> bool:
        """Whether it is Yarn 2 or later."""
        first = re.search(r"\d+", self.wanted)
        return self.name == "yarn" and (self.script is not None or (first is not None and first[0] != "1"))


def choose(manifest: Mapping[str, Any], folder: Path) -> Choice:
    """Find out what a project is installed with.

    Args:
        manifest: its package.json.
        folder: where it is unpacked.
    """
    named = manifest.get("packageManager")
    found = NAMED.fullmatch(named.strip()) if isinstance(named, str) else None
    if found and nodesemver.valid(found[2], loose=True):
        script = _own_script(folder) if found[1] == "yarn" else None
        return Choice(found[1], found[2], ((found[3] or "").lower(), (found[4] or "").lower()), script)
    name = found[1] if found else _by_tools(manifest) or _by_lockfile(folder)
    wanted = _tools_version(manifest, name)
    if name == "yarn":
        script = _own_script(folder)
        return Choice(name, wanted or _yarn_range(folder), script=script)
    return Choice(name, wanted or (_pnpm_range(folder) if name == "pnpm" else ""))


def node_linker(folder: Path) -> str:
    """How Yarn 2 and later lay out a project's packages: `pnp`, unless its settings say otherwise."""
    return _setting(folder, "nodeLinker") or "pnp"


def _by_tools(manifest: Mapping[str, Any]) -> str:
    name = section(section(manifest, "devEngines"), "packageManager").get("name")
    return name if name in ("npm", *LOCKFILES) else ""


def _tools_version(manifest: Mapping[str, Any], name: str) -> str:
    tool = section(section(manifest, "devEngines"), "packageManager")
    wanted = tool.get("version") if tool.get("name") == name and name != "npm" else None
    return wanted if isinstance(wanted, str) and nodesemver.valid_range(wanted, loose=True) else ""


def _by_lockfile(folder: Path) -> str:
    if any((folder / lockfile).is_file() for lockfile in NPM_LOCKFILES):
        return "npm"
    found = next((name for name, lockfile in LOCKFILES.items() if (folder / lockfile).is_file()), "")
    return found or ("yarn" if (folder / YARN_SETTINGS).is_file() else "npm")


def _own_script(folder: Path) -> Path | None:
    path = _setting(folder, "yarnPath")
    script = (folder / path).resolve() if path else None
    inside = script is not None and script.is_relative_to(folder.resolve()) and script.is_file()
    return script if inside else None


def _yarn_range(folder: Path) -> str:
    start = _start(folder / LOCKFILES["yarn"])
    found = re.search(r"^__metadata:\s+version: ['\"]?(\d+)", start, re.MULTILINE)
    if found:
        return _written_by(int(found[1]), YARNS)
    return "4" if (folder / YARN_SETTINGS).is_file() else CLASSIC


def _pnpm_range(folder: Path) -> str:
    found = re.search(r"^lockfileVersion: ['\"]?(\d+)", _start(folder / LOCKFILES["pnpm"]), re.MULTILINE)
    return _written_by(int(found[1]) if found else 99, PNPMS)


def _written_by(version: int, table: tuple[tuple[int, str], ...]) -> str:
    return next((wanted for last, wanted in table if version <= last), table[-1][1])


def _setting(folder: Path, key: str) -> str:
    """One plain value of Yarn's settings."""
    text = _start(folder / YARN_SETTINGS)
    found = re.search(rf"^{key}:[ \t]*['\"]?([^'\"#\n]+)", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _start(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(64 * 1024)
    except OSError:
        return ""
