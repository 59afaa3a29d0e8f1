"""Somebody at a keyboard or a script, with nothing of this machine's owner: runs the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pexpect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

JITSU = [sys.executable, "-m", "jitsu_py"]


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The answer, which has to be JSON and nothing else."""
        return json.loads(self.out)

    def error(self) -> dict[str, Any]:
        """The error, where --json was given."""
        told: dict[str, Any] = json.loads(self.err[self.err.index("{") :])
        return told


@dataclass
class Person:
    """A home, a state folder and settings of one's own."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    """Variables beside the usual ones."""

    @property
    def config(self) -> Path:
        """The user's settings."""
        return self.folder / "config" / "config.toml"

    def with_(self, variables: dict[str, str]) -> Person:
        """The same person with more variables."""
        return Person(self.folder, {**self.more, **variables})

    def environment(self, **more: str) -> dict[str, str]:
        """What a run sees."""
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "JITSU_HOME": str(self.folder / "state"),
            "JITSU_CONFIG": str(self.config),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "JITSU_NO_UPDATE_NOTICE": "1",
            **self.more,
            **more,
        }

    def jitsu(
        self, *words: str, cwd: Path | None = None, stdin: str | None = None, timeout: float = 60, **more: str
    ) -> Done:
        """Run a command line without a terminal, stdin closed unless there is something to read."""
        given: dict[str, Any] = {} if stdin is None else {"stdin": None, "input": stdin}
        return self.run([*JITSU, *words], cwd=cwd or self.folder, timeout=timeout, env=more, **given)

    def run(
        self,
        command: Sequence[str],
        *,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Done:
        """Run any program as this person: stdin closed, in their folder, unless `more` differs."""
        done = subprocess.run(
            command,
            env=self.environment(**(env or {})),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **{"cwd": self.folder, "stdin": subprocess.DEVNULL, **more},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def sit(self, *words: str, columns: int = 80, cwd: Path | None = None, **more: str) -> pexpect.spawn:
        """Run a command line in a terminal; what it shows comes as text."""
        environment = {"TERM": "xterm-256color", **self.environment(**more)}
        return pexpect.spawn(
            JITSU[0],
            [*JITSU[1:], *words],
            cwd=str(cwd or self.folder),
            env=environment,
            encoding="utf-8",
            timeout=20,
            dimensions=(24, columns),
        )


def left(terminal: pexpect.spawn) -> str:
    """Everything a run shows until it ends."""
    terminal.expect(pexpect.EOF)
    # Its streams end a moment before it does; closed in between, it would be sent a HUP.
    terminal.wait()
    terminal.close()
    shown: str = terminal.before
    return shown
