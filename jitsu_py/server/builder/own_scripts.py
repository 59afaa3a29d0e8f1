"""An app's own install scripts, run apart from the install of its packages.

They may read all of the app and change the packages as they like (patches, generated clients). So they run in
each build; the packages as they were before can be kept for the next one.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import nodesemver

from jitsu_py.server.builder.manifest import MANIFEST, script, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jitsu_py.server.builder.manager_fetch import Tool

INSTALL_SCRIPTS: Final = (
    "preinstall",
    "install",
    "postinstall",
    "prepublish",
    "preprepare",
    "prepare",
    "postprepare",
)
"""The app's own scripts that come with an install."""


@dataclass(frozen=True)
class _Way:
    """What a package manager does about an app's own scripts, and how it runs one of them alone."""

    versions: str
    after: tuple[str, ...]
    """Run once the packages are there, in this order."""
    never: tuple[str, ...] = ()
    """Not run at an install."""
    flags: tuple[str, ...] = ()
    """For `run`: not the script's own `pre…` and `post…` with it."""


WAYS: Final = {
    "npm": _Way(">=7", INSTALL_SCRIPTS, flags=("--ignore-scripts",)),
    "pnpm": _Way(
        ">=9",
        ("install", "postinstall", "preprepare", "prepare", "postprepare"),
        ("prepublish",),
        ("--config.enable-pre-post-scripts=false",),
    ),
    # It cannot leave out `pre…` and `post…`, which this one has not.
    "yarn": _Way("1", ("postinstall",)),
}
"""As observed; what is not here comes with the install."""


def apart(manifest: Mapping[str, Any], folder: Path, tool: Tool) -> tuple[tuple[str, ...], ...]:
    """The commands that run an app's own install scripts after an install without them.

    Args:
        manifest: its package.json.
        folder: where it is unpacked.
        tool: the package manager.

    Returns:
        Empty: it has none, or they can be run with the install only.
    """
    own = {name for name in INSTALL_SCRIPTS if script(manifest, name)}
    way = None if tool.is_berry else WAYS.get(tool.name)
    if way is None or not nodesemver.satisfies(tool.version, way.versions, loose=True):
        return ()
    if own - {*way.after, *way.never} or (folder / "binding.gyp").exists():
        return ()
    return tuple((*tool.command, "run", *way.flags, name) for name in way.after if name in own)


@contextmanager
def without_scripts(folder: Path) -> Iterator[None]:
    """Take the install scripts out of an app's package.json for a while.

    Raises:
        OSError: it cannot be written.
    """
    path = folder / MANIFEST
    original = path.read_bytes()
    manifest = json.loads(original.decode("utf-8-sig"))
    scripts = section(manifest, "scripts").items()
    kept = {name: text for name, text in scripts if name not in INSTALL_SCRIPTS}
    path.write_text(json.dumps({**manifest, "scripts": kept}, indent=2))
    try:
        yield
    finally:
        path.write_bytes(original)
