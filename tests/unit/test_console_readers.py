"""Whoever reads our answers leaves: a wait ends once, wherever it is just then."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from jitsu_py import cli
from jitsu_py.console.readers import while_somebody_reads
from jitsu_py.errors import ReaderLeftError

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_reader_leaves_once() -> None:
    """A write that fails sends the same signal as the thread that watches: one of them ends the wait."""
    reading, writing = os.pipe()
    with open(writing, "w") as out:  # noqa: PTH123 - a descriptor

        def leave_and_wait() -> None:  # the signal may come before the wait
            os.close(reading)
            for _ in range(3000):
                time.sleep(0.01)

        with while_somebody_reads(out):
            with pytest.raises(ReaderLeftError):
                leave_and_wait()
            signal.raise_signal(signal.SIGPIPE)
        assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN


def test_a_reader_that_leaves_at_the_edge_of_a_block(capfd: pytest.CaptureFixture[str]) -> None:
    """The signal may come where `with` ends and nobody catches it yet: the command line ends quietly too."""

    @contextmanager
    def block() -> Iterator[None]:
        yield

    def leave() -> None:
        with block():
            raise ReaderLeftError

    kept = os.dup(sys.stdout.fileno())
    cli.root.command("leave")(leave)
    try:
        assert cli.run(["leave"]) == 0
    finally:
        del cli.root.commands["leave"]
        os.dup2(kept, sys.stdout.fileno())
        os.close(kept)
    assert capfd.readouterr().err == ""
