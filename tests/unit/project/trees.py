"""Small projects for the tests of this folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jitsu_py.project import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.project.manifest import Manifest

MINIMAL = {"name": "app", "version": "1.0.0"}


def write(folder: Path, data: dict[str, Any] | None = None, **files: str | bytes) -> Manifest:
    """Write a package.json and files (`lib__a_js` is no path: give those as `{**{"lib/a.js": ""}}`)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps(MINIMAL if data is None else data), encoding="utf-8")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return manifest.read(folder)
