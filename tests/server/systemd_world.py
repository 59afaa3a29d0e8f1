"""A systemd of a test's own: a user's instance, in a mount namespace where the machine seems booted by it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MANAGER = "/lib/systemd/systemd"

BEGIN = """
mount -t tmpfs tmpfs /run/systemd
mkdir -p /run/systemd/system "$1" "$2" 2>/dev/null || true
for group in "$1" "$2"; do echo $$ > "$group/cgroup.procs" 2>/dev/null || true; done
shift 2
exec "$@"
"""
"""systemd wants a control group of its own, and looks for one thing of the system's."""


def is_possible() -> bool:
    """Whether such a systemd can run: it is installed, and root may mount."""
    return os.geteuid() == 0 and Path(MANAGER).exists() and shutil.which("unshare") is not None


class Systemd:
    """A running instance; a context manager that ends it with all its services."""

    def __init__(self, folder: Path) -> None:
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700, parents=True)
        (folder / "person").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "person"),
            "XDG_RUNTIME_DIR": str(runtime),
            "JITSU_HOME": str(folder / "home"),
            "JITSU_CONFIG": str(folder / "config.toml"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "CI": "true",
        }
        name = f"jitsu-test-{os.getpid()}-{time.monotonic_ns()}"
        self.groups = [Path("/sys/fs/cgroup") / each / name for each in ("systemd", "unified", "")]
        self._log = folder / "systemd.log"

    def __enter__(self) -> Systemd:
        groups = [str(group) for group in self.groups if group.parent.is_dir()][:2]
        groups += ["/nowhere"] * (2 - len(groups))
        apart = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BEGIN, "sh", *groups]
        with self._log.open("wb") as log:
            self.manager = subprocess.Popen(
                [*apart, MANAGER, "--user"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 20
        while self.run("systemctl", "--user", "is-system-running").stdout.strip() not in (
            "running",
            "degraded",
        ):
            assert self.manager.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.run("systemctl", "--user", "exit")
        try:
            self.manager.wait(60)
        finally:
            self.manager.kill()
            for group in self.groups:
                for each in sorted(group.rglob("*/"), reverse=True) if group.is_dir() else ():
                    _removed(each)
                _removed(group)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where this systemd is in charge."""
        return subprocess.run(
            ["nsenter", "--mount", f"--target={self.manager.pid}", *command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def jitsu(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run our command line there."""
        return self.run(sys.executable, "-m", "jitsu_py", *words)


def _removed(group: Path) -> None:
    with contextlib.suppress(OSError):
        group.rmdir()
