"""Which step of a deploy goes on, how long each took, and what is left when it is interrupted."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitsu_py.deploy.builds import Upload


class Left(TypedDict):
    """Arguments of the error for ^C."""

    message: str
    hint: str
    details: dict[str, Any]


UPLOADED = "{snapshot} is on the server, built, and does not serve"
LEFT = {
    "manifest": ("nothing was uploaded", ""),
    "create": ("nothing was uploaded; the app {key} may have been created", "`jitsu list` shows it"),
    "predeploy": ("the predeploy script was ended; nothing was uploaded", ""),
    "pack": ("nothing was uploaded", ""),
    "upload": ("the upload was not finished, the server drops it", "`jitsu deploy` again"),
    "build": (
        "the build of {snapshot} goes on on the server",
        "`jitsu snapshots list` shows it, `jitsu snapshots destroy` ends it, `jitsu deploy` deploys again",
    ),
    "update": (UPLOADED, "`jitsu deploy` again"),
    "activate": (UPLOADED, "`jitsu deploy` again"),
    "start": ("the start of {snapshot} goes on on the server", "`jitsu view` shows how it ended"),
    "postdeploy": ("the app is live with {snapshot}; the postdeploy script was ended", ""),
}
"""What to say after ^C in each step, and what to do next."""


@dataclass
class Journal:
    """The steps of one deploy as they happen."""

    key: str
    """The app as `user/name`."""
    snapshot: str
    """Id of the new snapshot."""
    at: str = "manifest"
    """The step that goes on."""
    upload: Upload | None = None
    """The upload, once it began."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each step that was done, in order."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        self.at = name
        began = monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(monotonic() - began, 3)

    @property
    def total(self) -> float:
        """Seconds of all steps so far."""
        return round(sum(self.seconds.values()), 3)

    def interrupted(self) -> Left:
        """Say what ^C leaves behind."""
        building = self.at == "upload" and self.upload is not None and self.upload.arrived
        at = "build" if building else self.at
        message, hint = LEFT[at]
        about = {"key": self.key, "snapshot": self.snapshot}
        return Left(
            message=f"interrupted: {message.format(**about)}",
            hint=hint,
            details={"step": at, "app": self.key, "snapshot": self.snapshot},
        )
