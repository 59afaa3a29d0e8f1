"""The project's package.json: read, checked, and written back with nothing but the change changed."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.errors import ProjectError
from jitsu_py.project import names, versions
from jitsu_py.project.checks import Problem, identity, problems
from jitsu_py.wire import JSON_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FILE", "Manifest", "Problem", "changed", "diff", "parse", "problems", "read", "write"]

FILE: Final = "package.json"


@dataclass(frozen=True)
class Manifest:
    """What package.json says, and what follows from it."""

    path: Path
    """Of the package.json."""
    data: Mapping[str, Any]
    """As read: every key, in the file's order."""
    text: str = field(repr=False)
    """The file, character for character."""
    name: str
    """The package's name, `@scope/name` included; empty where there is none that can be used."""
    version: str
    """As npm reads it, `1.2.3` for `v1.2.3`; empty where there is none that can be used."""
    subdomain: str
    """The manifest's, or the one that follows from the name; empty where neither can be used."""
    start: str | None
    """The start script; npm's `node server.js` where only that file exists; None: nothing to start."""
    engines_node: str | None
    """The range of Node versions that it asks for, as written."""
    analyze: bool
    """False where `"analyze": false` switches the look for undeclared modules off."""

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.path.parent


def read(folder: Path, *, check: bool = True) -> Manifest:
    """Read the package.json of a project.

    Args:
        folder: the project's.
        check: refuse a name or version that is there and cannot be used, naming both; without it that is
            left to `problems`, which suggests something else.

    Raises:
        ProjectError: there is no such folder or file, or the file is no JSON object that can be used.
    """
    path = folder / FILE
    text = _text(folder, path)
    manifest = _manifest(path, text, _parsed(text, path))
    if check and (wrong := [found for found in identity(manifest) if not found.missing]):
        raise ProjectError(
            " ".join(found.message for found in wrong),
            hint=f"In {path}: " + ", ".join(f'"{p.field}": "{p.default}"' for p in wrong) + " would do.",
        )
    return manifest


def parse(path: Path, text: str) -> Manifest:
    """Return the manifest that `read` would give, unchecked, if the file at `path` held this text."""
    return _manifest(path, text, _parsed(text, path))


def changed(manifest: Manifest, changes: Mapping[str, Any]) -> str:
    """Return the file's text with the changes in it; every other character stays.

    Args:
        changes: as a JSON merge patch (RFC 7396): objects are merged key by key, None removes a key,
            anything else is put in place of what was there.
    """
    from jitsu_py.project.edits import edited

    return edited(manifest.text, changes)


def diff(manifest: Manifest, changes: Mapping[str, Any]) -> str:
    """Return what `write` would change, as a unified diff; empty where that is nothing."""
    import difflib

    before, after = (text.splitlines(keepends=True) for text in (manifest.text, changed(manifest, changes)))
    lines = difflib.unified_diff(before, after, FILE, FILE)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def write(manifest: Manifest, changes: Mapping[str, Any]) -> None:
    """Put the changes into package.json: at once or not at all, keeping its mode and everything else.

    Raises:
        ProjectError: the file was changed since it was read, or it cannot be written.
    """
    from jitsu_py.project.edits import replace

    after = changed(manifest, changes)
    if after != manifest.text:
        replace(manifest.path, manifest.text.encode(), after.encode())


def _text(folder: Path, path: Path) -> str:
    raw = _bytes(folder, path)
    if raw.startswith(b"\xef\xbb\xbf"):
        raise _unreadable(path, "begins with a byte order mark", 'Save it as "UTF-8 without BOM".')
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(path, "is UTF-16 text", "Save it as UTF-8.")
    if not raw.strip():
        raise _unreadable(path, "is empty", "`npm init` writes a new one.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"is not UTF-8 text (line {line})", "Save it as UTF-8.") from error


def _bytes(folder: Path, path: Path) -> bytes:
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise ProjectError(f"{folder} is not a folder.", hint="Name the folder of the project.")
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise _unreadable(path, "is not a file", "Put a package.json there.")
        with path.open("rb") as file:
            raw = file.read(JSON_LIMIT + 1)
    except FileNotFoundError as error:
        raise _missing(folder, path) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "Check the path and who may read it."
        raise ProjectError(f"Cannot read {path}: {reason}.", hint=hint) from error
    if len(raw) > JSON_LIMIT:
        what = f"is larger than {JSON_LIMIT // 1024} KiB"
        raise _unreadable(path, what, "Move what is no manifest elsewhere.")
    return raw


def _missing(folder: Path, path: Path) -> ProjectError:
    if not folder.exists():
        return ProjectError(f"There is no folder {folder}.", hint="Name the folder of the project.")
    if path.is_symlink():
        return _unreadable(path, "is a link that leads nowhere", "Put a package.json there.")
    return ProjectError(
        f"There is no package.json in {folder}.",
        hint="Go to the project's folder, or run `npm init` or `jitsu install` for a new one.",
        code="no_manifest",
    )


def _unreadable(path: Path, what: str, hint: str) -> ProjectError:
    return ProjectError(f"{path} {what}.", hint=hint, code="bad_manifest")


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        data = json.loads(text, parse_constant=_refuse_constant, parse_float=_number)
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise _invalid(text, path, error) from error
    except UnicodeEncodeError as error:
        what = f"holds half a character, {error.object[error.start]!a}"
        raise _unreadable(path, what, "Write the character itself, or both halves.") from error
    except RecursionError as error:
        raise _unreadable(path, "is nested too deeply", "A manifest needs a handful of levels.") from error
    except ValueError as error:
        raise _unreadable(path, f"is not valid JSON: {error}", "Use a number, a string or null.") from error
    if not isinstance(data, dict):
        raise _unreadable(path, "holds no JSON object", 'A manifest looks like {"name": "app", …}.')
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is JavaScript")


def _number(digits: str) -> float:
    if (value := float(digits)) in (float("inf"), float("-inf")):
        raise ValueError(f"{digits[:20]} is too large a number")
    return value


def _invalid(text: str, path: Path, error: json.JSONDecodeError) -> ProjectError:
    where = f"{path}, line {error.lineno}, column {error.colno}"
    if re.compile(r"\s*,?\s*(//|/\*)").match(text, error.pos):
        hint = "Remove the comment; npm cannot read it either."
        return ProjectError(f"{where}: JSON has no comments.", hint=hint, code="bad_manifest")
    line = text.splitlines()[error.lineno - 1].strip() if text.splitlines() else ""
    shown = f" (near {line[:60]})" if line else ""
    return ProjectError(
        f"{where}: not valid JSON, {error.msg[0].lower()}{error.msg[1:]}{shown}.",
        hint="Often it is a comma: one too many before } or ], or one missing at the line before.",
        code="bad_manifest",
    )


def _manifest(path: Path, text: str, data: dict[str, Any]) -> Manifest:
    name, version, given = data.get("name"), data.get("version"), data.get("subdomain")
    usable = name if isinstance(name, str) and not names.npm_objection(name) else ""
    if isinstance(given, str) and given:
        subdomain = given.lower() if names.is_label(given.lower()) else ""
    else:
        subdomain = names.label(usable) if usable else ""
    return Manifest(
        path=path,
        data=data,
        text=text,
        name=usable,
        version=(versions.clean(version) or "") if isinstance(version, str) else "",
        subdomain=subdomain,
        start=_start(data, path.parent),
        engines_node=_engine(data),
        analyze=data.get("analyze") is not False,
    )


def _start(data: Mapping[str, Any], folder: Path) -> str | None:
    scripts = data.get("scripts")
    script = scripts.get("start") if isinstance(scripts, dict) else None
    if isinstance(script, str) and script.strip():
        return script
    return "node server.js" if (folder / "server.js").is_file() else None


def _engine(data: Mapping[str, Any]) -> str | None:
    engines = data.get("engines")
    if isinstance(engines, dict):
        node = engines.get("node")
        return node.strip() or None if isinstance(node, str) else None
    # The first npm took a list, ["node >= 0.6"], and manifests of that time are still about.
    listed = [engines] if isinstance(engines, str) else engines if isinstance(engines, list) else []
    for entry in listed:
        if isinstance(entry, str) and (found := re.fullmatch(r"\s*node\b\s*(.*?)\s*", entry)):
            return found[1] or None
    return None
