"""Where `jitsu` begins; `python -m jitsu_py` is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Load the command line and run it; ^C is understood while it loads, too."""
    try:
        from jitsu_py.cli import main as run
    except (KeyboardInterrupt, RuntimeError) as error:
        # Until Python 3.12, what comes out of `__set_name__` while a class is made is wrapped, ^C too.
        if not isinstance(error.__cause__ or error, KeyboardInterrupt):
            raise
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
