"""The server of couches for tests: fetched from npm once for a whole run, by a platform as by a person's."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from jitsu_py.server.databases.couch_fetch import PACKAGE
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from pathlib import Path


def fetched(shared: Path) -> dict[str, Any]:
    """Have a platform make a couch that has none yet; what it told meanwhile: `states`, `whys`, `said`.

    Args:
        shared: a folder of all workers of this run.
    """
    place = shared / "couch"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "told.json").exists():
            shutil.rmtree(place / "home", ignore_errors=True)
            told = _fetch(place / "home")
            (place / "told.json").write_text(json.dumps(told))
    found: dict[str, Any] = json.loads((place / "told.json").read_text())
    return found


def lend(shared: Path, home: Path) -> None:
    """Give a platform the server that another one has fetched."""
    fetched(shared)
    place = home / "engines" / PACKAGE
    if not place.exists():
        place.symlink_to(shared / "couch" / "home" / "engines" / PACKAGE)


def _fetch(home: Path) -> dict[str, Any]:
    states, whys = set(), set()
    with LocalPlatform(home) as platform, ThreadPoolExecutor(2) as pool:
        path = f"/databases/{platform.user}"
        first = pool.submit(platform.call, "POST", f"{path}/first", {"type": "couch"}, timeout=600)
        second = pool.submit(platform.jitsu, "databases", "create", "couch", "second", cwd=home, timeout=600)
        while not (first.done() and second.done()):
            for shown in platform.call("GET", path).json()["databases"]:
                states.add(shown["state"])
                whys.add(shown["why"])
            time.sleep(0.2)
        answer, command = first.result(), second.result()
    assert (answer.status_code, command.returncode) == (201, 0), answer.text + command.stderr
    told = {"states": sorted(states), "whys": [why for why in whys if why], "said": command.stderr}
    return {**told, "limits": answer.json()["database"]["limits"]}
