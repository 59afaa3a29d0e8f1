"""The apps of `jitsu install`: folders beside this file, each an app that deploys as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitsu_py.errors import ConflictError, NotFoundError, UsageError

FIRST = "helloworld"
"""The starter that is named first and taken by default."""


@dataclass(frozen=True)
class Starter:
    """An app to start from."""

    name: str
    description: str
    """One line, of its package.json."""
    folder: Path


def known() -> list[Starter]:
    """All starters, `FIRST` first."""
    found = []
    for manifest in sorted(Path(__file__).parent.glob("*/package.json")):
        data = json.loads(manifest.read_text(encoding="utf-8"))
        found.append(Starter(manifest.parent.name, data["description"], manifest.parent))
    return sorted(found, key=lambda one: one.name != FIRST)


def put(starter: str, folder: Path, name: str) -> list[Path]:
    """Copy a starter into a folder, under the name that the app is to have.

    Args:
        starter: its name.
        folder: made when it is not there; must be empty.
        name: what package.json and the lockfile call the app.

    Returns:
        The files, relative to the folder.

    Raises:
        NotFoundError: there is no such starter.
        ConflictError: the folder holds something already.
        UsageError: it cannot be made or written.
    """
    chosen = _find(starter)
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConflictError(f"{folder} is not empty", hint=f"jitsu install {starter} ANOTHER_FOLDER")
        for source in sorted(path for path in chosen.folder.rglob("*") if path.is_file()):
            made.append(source.relative_to(chosen.folder))
            target = folder / made[-1]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_named(source, name), encoding="utf-8")
    except FileExistsError as error:
        raise ConflictError(f"{folder} is a file", hint=f"jitsu install {starter} ANOTHER_FOLDER") from error
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    return made


def _find(name: str) -> Starter:
    starters = known()
    for one in starters:
        if one.name == name:
            return one
    raise NotFoundError(
        f"there is no starter {name!r}", hint=f"there are {', '.join(one.name for one in starters)}"
    )


def _named(source: Path, name: str) -> str:
    """The text of a starter's file, with the app's name where npm's files have the starter's."""
    text = source.read_text(encoding="utf-8")
    if source.name not in {"package.json", "package-lock.json"}:
        return text
    data: dict[str, Any] = json.loads(text)
    data["name"] = name
    if "packages" in data:
        data["packages"][""]["name"] = name
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
