"""What the tests of trouble do again and again: upload, start, look, kill; and the apps they do it with."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil

from tests.platforms import LocalPlatform, archive, hello

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CRASHES = "console.error('last words of the app'); process.exit(3);\n"
CRASHES_LATER = "setTimeout(() => { throw new Error('three seconds were enough'); }, 3000);\n"
NEVER_LISTENS = "console.log('nothing listens here'); setInterval(() => {}, 1000);\n"
DEAF = "process.on('SIGTERM', () => {});\n"
"""Before another source: an app that does not end when it is asked to."""


def says(text: str, *, after: float = 0) -> str:
    """Source of an app that answers `text`, once it has listened, some seconds after its start."""
    listen = (
        f"require('http').createServer((q, r) => r.end({json.dumps(text)}))"
        ".listen(3000, () => console.log('listening'))"
    )
    return f"setTimeout(() => {listen}, {int(after * 1000)});\n" if after else f"{listen};\n"


def files(name: str, source: str, **manifest: object) -> dict[str, str | bytes]:
    """The files of an app of that source."""
    return {**hello(name, "hello", **manifest), "server.js": source}


def folder(place: Path, name: str, source: str = "", **manifest: object) -> Path:
    """Write an app into a folder."""
    place.mkdir(parents=True, exist_ok=True)
    for path, content in files(name, source or says(name), **manifest).items():
        data = content.encode() if isinstance(content, str) else content
        (place / path).write_bytes(data)
    return place


def create(platform: LocalPlatform, name: str, **manifest: object) -> str:
    """Make an app; its path in the API."""
    answer = platform.call("POST", f"/apps/{platform.user}", {"name": name, **manifest})
    assert answer.status_code == 201, answer.text
    return f"/apps/{platform.user}/{name}"


def put(platform: LocalPlatform, path: str, ref: str, source: str | Mapping[str, str | bytes]) -> None:
    """Upload a snapshot, see it built, and make it the active one."""
    content = files(path.rpartition("/")[2], source) if isinstance(source, str) else source
    answer = platform.call("POST", f"{path}/snapshots/{ref}", data=archive(content))
    assert answer.status_code == 200, answer.text
    assert platform.call("POST", f"{path}/snapshots/{ref}/activate").status_code == 200


def act(platform: LocalPlatform, path: str, verb: str) -> Any:
    """Start, stop or restart; the app afterwards."""
    answer = platform.call("POST", f"{path}/{verb}")
    assert answer.status_code == 200, answer.text
    return answer.json()["app"]


def serve(platform: LocalPlatform, name: str, source: str = "", *, drones: int = 1) -> str:
    """Make an app of that source and start it; its path in the API."""
    path = create(platform, name)
    put(platform, path, "1", source or says(name))
    if drones > 1:
        platform.call("POST", f"{path}/cloud", [{"drones": drones}])
    act(platform, path, "start")
    return path


def scale(platform: LocalPlatform, path: str, drones: int) -> None:
    """Set how many drones are wanted."""
    answer = platform.call("POST", f"{path}/cloud", [{"drones": drones}])
    assert answer.status_code == 200, answer.text


def shown(platform: LocalPlatform, path: str) -> dict[str, Any]:
    """The app as the API shows it."""
    app: dict[str, Any] = platform.call("GET", path).json()["app"]
    return app


def printed(platform: LocalPlatform, path: str, rows: int = 10_000) -> list[str]:
    """The app's log, oldest line first."""
    lines = platform.call("GET", f"/logs{path.removeprefix('/apps')}/{rows}").json()
    return [line["description"] for line in lines][::-1]


def drones(platform: LocalPlatform, path: str = "") -> list[int]:
    """Pids of the drones' leading processes (of one app), by the mark in their environment."""
    app = path.removeprefix("/apps/")
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            is_ours = environment.get("JITSU_STATE") == str(platform.home.resolve())
            # A sandbox has processes of its own around the app.
            is_ours = is_ours and os.getsid(process.pid) == process.pid
        except (psutil.Error, OSError):
            continue
        if is_ours and "JITSU_DRONE" in environment and app in {"", environment.get("JITSU_APP")}:
            found.append(process.pid)
    return found


def ready(platform: LocalPlatform, path: str) -> int:
    """How many drones of an app are proved to answer."""
    rows = platform.call("GET", f"{path}/drones").json()["drones"]
    return len([row for row in rows if row["state"] == "ready"])


def left_running(home: Path) -> list[str]:
    """Command lines of what still runs for a state folder: server, HAProxy, npm, drones."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            about = words + " ".join(
                f"{k}={v}" for k, v in process.environ().items() if k.startswith("JITSU_")
            )
            is_dead = process.status() == psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        if str(home) in about and process.pid != os.getpid() and not is_dead:
            found.append(f"{process.pid} {words}")
    return found


def haproxy(platform: LocalPlatform) -> list[int]:
    """Pids of the platform's HAProxy: the master and its workers."""
    config = str(platform.home / "run" / "haproxy.cfg")
    return [p.pid for p in psutil.process_iter(["cmdline"]) if config in (p.info["cmdline"] or [])]


def kill(*pids: int) -> None:
    """kill -9, and see it dead."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not any(_lives(process) for process in processes))


def until(condition: Callable[[], object], seconds: float = 60, what: str = "it") -> float:
    """Wait for something; the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{what} did not come about in {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def leftovers(platform: LocalPlatform) -> list[str]:
    """What lies in `work/`, where nothing lies between two builds."""
    return sorted(path.name for path in (platform.home / "work").iterdir())


def router_port(platform: LocalPlatform) -> int:
    """Where the visitors come in."""
    return int(platform.status.router.rpartition(":")[2])


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
