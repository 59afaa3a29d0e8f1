"""Where `jitsu` begins; `python -m jitsu_py` is the same."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import Final, NoReturn

INTERRUPTED: Final = 130
"""Exit code of a run that ^C ended."""


COLLECT_AFTER: Final = 50_000
"""Objects made before Python looks for garbage; at its usual 700 it looks some dozen times at modules."""


def main() -> None:
    """Load the command line and run it; ^C is understood while it loads, too."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        _run()
    finally:
        # At its end Python would look at everything once more, which costs a tenth of a short command.
        gc.freeze()


def _run() -> None:
    try:
        from jitsu_py.cli import main as run
    except (KeyboardInterrupt, RuntimeError) as error:
        # Until Python 3.12, what comes out of `__set_name__` while a class is made is wrapped, ^C too.
        if not isinstance(error.__cause__ or error, KeyboardInterrupt):
            raise
        sys.stderr.write("error: interrupted\n")
        _leave()
    try:
        run()
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        _leave()


def _leave() -> NoReturn:
    """End with 130, whatever it was that ^C interrupted.

    Where that was code made of a string, as a dataclass' methods are, CPython would end itself by SIGINT,
    though the interrupt was handled (`unhandled_keyboard_interrupt` in its sources).
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
