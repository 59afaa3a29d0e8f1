"""Names that a platform told lately, kept in files: fresh for a minute, fetched by one process at a time."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py import tomlfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

FRESH_SECONDS = 60.0
"""How old names may be."""

RETRY_SECONDS = 5.0
"""How soon after a failure a platform is asked again."""

FETCH_SECONDS = 15.0
"""After what time a fetcher that has said nothing counts as dead."""

WAIT_SECONDS = 0.6
"""How long a Tab waits for a fetcher; with our own start it stays below a second."""


@dataclass(frozen=True)
class Cache:
    """The names of one kind, from one platform, for one account."""

    file: Path

    @classmethod
    def of(cls, folder: Path, *facts: str) -> Cache:
        """The cache, below `folder`, of what is told apart by these facts: kind, host, user …"""
        return cls(folder / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24])

    def fresh(self) -> list[str] | None:
        """The names, none of them older than a minute; None: they have to be fetched."""
        try:
            age = time.time() - self.file.stat().st_mtime
            names = self.file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return None
        return names if 0 <= age < FRESH_SECONDS else None

    def keep(self, names: Iterable[str]) -> None:
        """Keep names; those that a terminal would not show as they are do not count."""
        clean = [name for name in names if name and name.isprintable()]
        tomlfile.write_private(self.file, "".join(f"{name}\n" for name in clean))
        self._busy.unlink(missing_ok=True)

    def keep_failure(self) -> None:
        """Remember, for a few seconds, that nothing can be told."""
        self.keep([])
        moment = time.time() - FRESH_SECONDS + RETRY_SECONDS
        os.utime(self.file, (moment, moment))

    def wait(self, fetch: Callable[[], object]) -> Sequence[str]:
        """The names, for whose fetching `fetch` starts a process that calls `keep` or `keep_failure`.

        Waits a moment for it; if another one fetches since longer than that, does not wait at all.
        """
        if (names := self.fresh()) is not None:
            return names
        deadline = time.monotonic() + WAIT_SECONDS
        if self._claim():
            fetch()
        elif time.time() - self._busy_since() > WAIT_SECONDS:
            return []
        while time.monotonic() < deadline:
            if (names := self.fresh()) is not None:
                return names
            time.sleep(0.01)
        return []

    @property
    def _busy(self) -> Path:
        return self.file.with_name(f"{self.file.name}.busy")

    def _busy_since(self) -> float:
        with suppress(OSError):
            return self._busy.stat().st_mtime
        return time.time()

    def _claim(self) -> bool:
        """Whether it is ours to fetch: nobody does, or who did is dead."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if time.time() - self._busy_since() > FETCH_SECONDS:
            self._busy.unlink(missing_ok=True)
        try:
            self._busy.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            return False
        return True
