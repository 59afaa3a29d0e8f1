"""Says that there is a newer version: at most daily, after the answer, on a terminal, never as a question.

The package index is asked by a process of its own (`python -m jitsu_py.updates FILE`), which outlives the
command and tells nobody when it fails; the next command reads what it found. `JITSU_NO_UPDATE_NOTICE` turns
it off; `JITSU_UPDATE_INDEX` is another index's address of the same JSON.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jitsu_py import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INDEX = "https://pypi.org/pypi/jitsu-py/json"
"""The newest release as the Python Package Index documents it."""

DAY = 24 * 60 * 60.0
"""Seconds between two questions to the index, and between two notices."""

SECONDS = 5.0
"""How long the index may take."""

LONGEST = 4 * 1024 * 1024
"""Bytes of its answer that are read."""

VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}")
"""Released versions of ours; anything else is no news."""


@dataclass(frozen=True)
class Known:
    """What is known of newer versions; kept in a file between commands."""

    asked: float = 0.0
    """When the index was asked last, epoch seconds."""
    told: float = 0.0
    """When a person was told last, epoch seconds."""
    latest: str = ""
    """The newest release; empty: not known."""

    @classmethod
    def read(cls, file: Path) -> Known:
        """What the file says; nothing where it makes no sense."""
        try:
            data = json.loads(file.read_bytes())
            latest = data["latest"]
            known = cls(float(data["asked"]), float(data["told"]), latest if _numbers(latest) else "")
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return cls()
        # A clock that went back must not silence us for years.
        now = time.time()
        return known if max(known.asked, known.told) <= now + DAY else cls(latest=known.latest)

    def write(self, file: Path) -> bool:
        """Keep it, whole or not at all; says whether that went well."""
        from jitsu_py.tomlfile import write_private

        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(file, json.dumps(asdict(self)))
        except OSError:
            return False
        return True


def cache_file() -> Path:
    """Where it is kept: the user's cache folder."""
    import platformdirs

    return platformdirs.user_cache_path("jitsu") / "update.json"


def notice(file: Path, environ: Mapping[str, str]) -> str:
    """The sentence to show after the answer, or nothing; asks the index in the background once a day."""
    if environ.get("JITSU_NO_UPDATE_NOTICE") or environ.get("CI"):
        return ""
    known, now = Known.read(file), time.time()
    newer = _numbers(known.latest) > _numbers(__version__)
    tell, ask = newer and now - known.told >= DAY, now - known.asked >= DAY
    if not (tell or ask):
        return ""
    # Where it cannot be kept that we asked and told, every command would do it again: then none does.
    kept = Known(now if ask else known.asked, now if tell else known.told, known.latest).write(file)
    if ask and kept:
        _ask_in_the_background(file, environ)
    upgrade = "pip install --upgrade jitsu_py"
    return f"jitsu {known.latest} is out, this is {__version__}: {upgrade}" if tell and kept else ""


def _ask_in_the_background(file: Path, environ: Mapping[str, str]) -> None:
    """Start the process that asks; neither its end nor its words concern this one."""
    import subprocess

    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS}
    try:
        process = subprocess.Popen(
            # -P: whatever lies in the current folder is not taken for a module.
            [sys.executable, "-P", "-m", "jitsu_py.updates", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            cwd=file.parent,
            **detached,
        )
    except OSError:
        return
    process.returncode = 0  # it is not waited for, and nobody is to be warned of that


def refresh(file: Path, index: str) -> None:
    """Ask the index and keep what it says; any fault leaves things as they were."""
    from urllib.request import Request, urlopen

    if not index.startswith(("https://", "http://")):
        return
    try:
        request = Request(index, headers={"User-Agent": f"jitsu/{__version__}"})  # noqa: S310 - http(s) only
        with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the same
            info = json.loads(answer.read(LONGEST))["info"]
        latest = "" if info.get("yanked") else info["version"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    if _numbers(latest):
        known = Known.read(file)
        Known(known.asked, known.told, latest).write(file)


def _numbers(version: object) -> tuple[int, ...]:
    """A version to compare; nothing for what is no release."""
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        return ()
    return tuple(map(int, version.split(".")))


def main(words: list[str]) -> None:
    """Ask the index that the environment names, else the public one, and be gone soon, come what may."""
    from pathlib import Path
    from threading import Thread

    index = os.environ.get("JITSU_UPDATE_INDEX") or INDEX
    # An index that sends a byte now and then would keep a socket's timeout from ever coming.
    thread = Thread(target=refresh, args=(Path(words[0]), index), daemon=True)
    thread.start()
    thread.join(2 * SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
