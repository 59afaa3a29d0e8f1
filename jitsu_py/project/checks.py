"""What is missing or wrong in a package.json, all of it at once, and what would do instead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.project import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.project.manifest import Manifest

ENTRY_FILES: Final = ("server.js", "app.js", "index.js")
"""Where the start script is looked for when the manifest names none, best first."""


@dataclass(frozen=True)
class Problem:
    """Something in package.json that is missing or cannot be used."""

    field: str
    """Where, with dots between levels: `name`, `version`, `subdomain`, `scripts.start`."""
    message: str
    """What is wrong, a sentence."""
    default: str | None
    """What would do instead; None where only a person knows."""
    missing: bool
    """There is nothing; False: what there is cannot be used."""
    needed: bool = True
    """The deploy cannot go on without an answer or the default; False: it has one that follows."""

    def change(self, value: str) -> dict[str, Any]:
        """Return the change that `write` takes for `value` as the answer."""
        change: Any = value
        for key in reversed(self.field.split(".")):
            change = {key: change}
        return dict(change)


def problems(manifest: Manifest, folder: Path) -> list[Problem]:
    """List everything that is missing or wrong at once, so that all of it can be asked for at once.

    The order is that of the questions: name, subdomain, start script, version, engine.
    """
    name, version = identity(manifest, folder), []
    if name and name[-1].field == "version":
        version = [name.pop()]
    chosen = manifest.name or (name[0].default if name else "") or ""
    found = name + _subdomain_problems(manifest, chosen) + _start_problems(manifest, folder)
    return found + version + _engine_problems(manifest)


def entry_file(data: Mapping[str, Any], folder: Path) -> str | None:
    """Return the file that `node` would start: `main`, or the first usual name that exists."""
    main = data.get("main")
    for name in (*([main] if isinstance(main, str) else []), *ENTRY_FILES):
        path = folder / name
        for candidate in (path, path.with_name(path.name + ".js"), path / "index.js"):
            if candidate.is_file() and candidate.resolve().is_relative_to(folder.resolve()):
                return candidate.relative_to(folder).as_posix()
    return None


def identity(manifest: Manifest, folder: Path | None = None) -> list[Problem]:
    """Name first, then version; what is wrong with them."""
    found = []
    name, version = manifest.data.get("name"), manifest.data.get("version")
    suggestion = names.package_name((folder or manifest.folder).resolve().name)
    if name is None or name == "":
        found.append(Problem("name", "The app has no name.", suggestion, missing=True))
    elif not manifest.name:
        objection = names.npm_objection(name) if isinstance(name, str) else "it is no string"
        message = f"npm refuses the name {json.dumps(name)[:80]}: {objection}."
        better = names.package_name(name) if isinstance(name, str) else suggestion
        found.append(Problem("name", message, better, missing=False))
    if version is None or version == "":
        found.append(Problem("version", "The app has no version.", "0.1.0", missing=True))
    elif not manifest.version:
        message = f"{json.dumps(version)[:80]} is no version that npm understands."
        found.append(Problem("version", message, "0.1.0", missing=False))
    return found


def _subdomain_problems(manifest: Manifest, name: str) -> list[Problem]:
    given, default = manifest.data.get("subdomain"), names.label(name)
    if given is None or given == "":
        return [Problem("subdomain", "The app has no subdomain.", default, missing=True, needed=False)]
    if manifest.subdomain:
        return []
    message = f"{json.dumps(given)[:80]} is no subdomain: letters, digits and hyphens inside, at most 63."
    better = names.label(given) if isinstance(given, str) else default
    return [Problem("subdomain", message, better, missing=False)]


def _start_problems(manifest: Manifest, folder: Path) -> list[Problem]:
    if manifest.start is not None:
        return []
    entry = entry_file(manifest.data, folder)
    default = f"node {names.shell_word(entry)}" if entry else None
    scripts = manifest.data.get("scripts")
    if scripts is not None and not isinstance(scripts, dict):
        return [Problem("scripts.start", '"scripts" is no object.', default, missing=False)]
    if isinstance(scripts, dict) and scripts.get("start") not in (None, ""):
        return [Problem("scripts.start", "The start script is no command.", default, missing=False)]
    return [Problem("scripts.start", "package.json has no start script.", default, missing=True)]


def _engine_problems(manifest: Manifest) -> list[Problem]:
    import nodesemver

    wanted = manifest.engines_node
    if wanted is None or wanted == "latest" or nodesemver.valid_range(wanted, True) is not None:
        return []
    message = f"{json.dumps(wanted)[:80]} is no range of versions."
    return [Problem("engines.node", message, None, missing=False)]
