"""Recognise a project that the server has built already: its archive has the very same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitsu_py.api import Client
    from jitsu_py.api.snapshots import Snapshot
    from jitsu_py.deploy.planning import Plan
    from jitsu_py.project.archive import Archive


@dataclass(frozen=True, slots=True)
class Twin:
    """A snapshot that was built from the same archive and is ready."""

    id: str
    active: bool
    """Whether a start runs it."""
    running: bool
    """Whether it serves."""

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        what = "which serves" if self.running else "which is built: it is started"
        return f"Nothing changed since {self.id}, {what}; --force builds anyway"


def twin(client: Client, plan: Plan, archive: Archive) -> Twin | None:
    """Find the snapshot that makes a build needless; the one that runs, else the active, else the newest.

    None where the app's settings change, or a person asked for a build. An app without lockfile could get
    newer dependencies by a build: `--force` is for that.
    """
    known = plan.existing.snapshots if plan.existing else ()
    if plan.force or plan.body or plan.cloud is not None or not _same(known, archive):
        return None
    # Packing may have taken long: what runs now counts.
    same = _same(client.apps.get(plan.key).snapshots, archive)
    best = max(reversed(same), key=lambda each: (each.running, each.active), default=None)
    return Twin(best.id, best.active, best.running) if best else None


def _same(snapshots: tuple[Snapshot, ...], archive: Archive) -> list[Snapshot]:
    return [each for each in snapshots if each.state == "ready" and each.sha256 == archive.sha256]
