"""The sandbox: bubblewrap, where this machine lets it do its work."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.confinement.view import View, mounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROGRAM: Final = "bwrap"

PROBE_SECONDS: Final = 20.0

APART: Final = (
    # Its own processes only; they end with their first.
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
)
"""What is not shared with the machine. The network is: packages come from there."""


@dataclass(frozen=True)
class Sandbox:
    """What there is to put a program into a sandbox."""

    program: str
    """bubblewrap's path; empty: there is none that works."""
    why: str = ""
    """Why there is none."""

    def command(self, argv: Sequence[str], view: View, hidden: Path) -> tuple[str, ...]:
        """A command line that runs another one with a view.

        Args:
            argv: program and arguments.
            view: what it sees.
            hidden: a folder of which nothing else is seen.
        """
        return (self.program, "--die-with-parent", *_inside(view, hidden), "--", *argv)

    def arguments(
        self, view: View, hidden: Path, env: Mapping[str, str], privileges: Sequence[str] = ()
    ) -> list[str]:
        """What bubblewrap is to be told by `--args` for a program that outlives this one.

        Args:
            view: what it sees.
            hidden: a folder of which nothing else is seen.
            env: variables that are set inside, beside those that bubblewrap has itself.
            privileges: those of root's that it keeps.
        """
        variables = [word for name, value in env.items() for word in ("--setenv", name, value)]
        return [*_inside(view, hidden, privileges), *variables]


def _inside(view: View, hidden: Path, privileges: Sequence[str] = ()) -> Iterator[str]:
    yield from APART
    if os.geteuid() == 0:
        # Root keeps its privileges in a sandbox unless they are taken; others have none to begin with.
        yield from ("--cap-drop", "ALL")
        for privilege in privileges:
            yield from ("--cap-add", privilege)
    yield from mounts(view, hidden)


def find_sandbox() -> Sandbox:
    """Look for bubblewrap and try it. Tried once for each program that is found."""
    program = shutil.which(PROGRAM)
    if program is None:
        return Sandbox("", "bubblewrap is not installed")
    return _tried(program)


@lru_cache(maxsize=4)
def _tried(program: str) -> Sandbox:
    """A sandbox as a build has it, really made: machines forbid one part or another of it."""
    with tempfile.TemporaryDirectory(prefix="jitsu-probe-") as scratch:
        folder = Path(scratch).resolve()
        for name in ("state", "work"):
            (folder / name).mkdir()
        view = View(cwd=folder / "work", tmp=folder / "work", writable=(folder / "work",))
        command = Sandbox(program).command(["/bin/sh", "-c", "exit 0"], view, folder / "state")
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Sandbox("", f"bubblewrap does not run: {error}")
    if done.returncode == 0:
        return Sandbox(program)
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return Sandbox("", f"bubblewrap is not allowed to do its work here ({said or 'it does not say why'})")
