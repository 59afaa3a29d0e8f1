"""`python -m jitsu_py.server`: the server process that `run.start` puts into the background."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jitsu_py.server import run
from jitsu_py.server.unit import AGAIN


def main() -> int:
    """Serve until a signal; 1 when it could not start, 75 when another server is to take over."""
    parser = argparse.ArgumentParser(prog="jitsu_py.server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--api-port", type=int)
    parser.add_argument("--router-port", type=int)
    parser.add_argument("--report", type=int)
    given = parser.parse_args()
    try:
        leaves = run.serve(
            given.home, api_port=given.api_port, router_port=given.router_port, report=given.report
        )
    except run.PlatformError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return AGAIN if leaves else 0


if __name__ == "__main__":
    sys.exit(main())
