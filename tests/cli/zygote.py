"""Many command lines for the price of one interpreter: a process with all modules loaded forks for each.

A run is the real command line: `jitsu_py.cli.main` with its own environment, folder and descriptors, in a
process of its own whose exit code is taken. What it saves is the start of an interpreter and its imports.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from tests.cli.people import Done

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ALSO = ("requests", "rich.console", "rich.table", "keyring", "tomlkit", "jitsu_py.server.administration")
"""Loaded by some commands when they are used."""


class Zygote:
    """The process that forks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self, words: list[str], env: Mapping[str, str], folder: Path, *, stdin: str, limit: float
    ) -> Done:
        """Run a command line.

        Args:
            stdin: "closed", or "silent": an open pipe that never speaks.
            limit: seconds after which it counts as hanging; the code is -9 then.
        """
        order = {"words": words, "env": dict(env), "folder": str(folder), "stdin": stdin, "limit": limit}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return Done(told["code"], told["out"], told["err"])


@contextmanager
def zygote() -> Iterator[Zygote]:
    """A process that is ready to fork; gone at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Zygote(process)
        finally:
            assert process.stdin
            process.stdin.close()


def _load() -> None:
    import jitsu_py.commands

    for found in pkgutil.walk_packages(jitsu_py.commands.__path__, "jitsu_py.commands."):
        importlib.import_module(found.name)
    for name in ("jitsu_py.cli", "jitsu_py.deploy", "jitsu_py.api.client", *ALSO):
        importlib.import_module(name)


def _serve(orders: IO[str], answers: IO[str]) -> None:
    for line in orders:
        answers.write(json.dumps(_carried_out(json.loads(line))) + "\n")
        answers.flush()


def _carried_out(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _be(order, reading, out.fileno(), err.fileno())
        os.close(reading)
        code = _ended(pid, order["limit"])
        os.close(writing)
        told = []
        for file in (out, err):
            file.seek(0)
            told.append(file.read().decode("utf-8", "replace"))
    return {"code": code, "out": told[0], "err": told[1]}


def _be(order: dict[str, Any], reading: int, out: int, err: int) -> None:
    """Become the command line; does not return."""
    os.setsid()
    if order["stdin"] == "closed":
        os.close(0)
    else:
        os.dup2(reading, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdin = open(0, encoding="utf-8", closefd=False) if order["stdin"] != "closed" else None  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["folder"])
    code = 70
    try:
        from jitsu_py import cli

        cli.main(order["words"])
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ended(pid: int, limit: float) -> int:
    """The exit code; a process that hangs is killed with all that it started."""
    deadline = time.monotonic() + limit
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return -9
        select.select([], [], [], 0.005)


if __name__ == "__main__":
    _load()
    _serve(sys.stdin, sys.stdout)
