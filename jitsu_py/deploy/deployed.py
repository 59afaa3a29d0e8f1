"""What a deploy did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy did."""

    app: str
    user: str
    snapshot: str
    """Id of the snapshot that serves now."""
    replaced: str
    """Id of the one that served before; empty: none, or the same."""
    url: str
    """Where the app answers."""
    urls: tuple[str, ...]
    created: bool
    """Whether the app is new."""
    unchanged: bool
    """Whether the project is the snapshot's to the byte, so that nothing was uploaded or built."""
    files: int
    """In the archive."""
    size: int
    """Of the archive, bytes."""
    seconds: float
    """From the first write to the app being live."""
    steps: Mapping[str, float]
    """Seconds of each step, in order."""
    detached: bool
    """Whether the start goes on on the server, and nobody waits for it here."""
    postdeploy: str
    """Why the postdeploy script failed, though the app is live; empty: it did not."""
