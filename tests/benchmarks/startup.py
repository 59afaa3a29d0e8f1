"""How long a command line takes to begin, against the interpreter and the libraries it cannot do without."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.unit.loopback import Reply, Request, answer, serving

JITSU = [sys.executable, "-c", "from jitsu_py.cli import main; main()"]
"""What the installed `jitsu` script does; a script's own start is part of neither side."""

SCRIPT = Path(__file__).parents[2] / "completions" / "jitsu.bash"

COMPLETED = """\
source "$1"; COMP_WORDS=(jitsu apps "") COMP_CWORD=2 COMP_LINE="jitsu apps " COMP_POINT=11
_jitsu jitsu "" apps; [[ " ${COMPREPLY[*]} " == *" setdrones "* ]]
"""

BASH = [
    "bash",
    "--norc",
    "-c",
    COMPLETED,
    "bash",
    str(SCRIPT),
]
"""A shell that reads the completion script and completes the verbs of a group; it asks nobody."""

NAMES = ["completion", "bash", "--names", "apps", "--", "view"]
"""What the script asks for where names stand; they are in the cache after the first time."""

APPS = [
    {"name": f"app-{number}", "user": "ada", "state": "started", "urls": [f"http://app-{number}.localhost"]}
    for number in range(20)
]


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure; both sides of a row in turns, so that a noisy moment hits both.

    Args:
        small: few turns, to see that it works.

    Returns:
        Rows with name, ours (seconds), other (its name), other_s (seconds), ratio, target.
    """
    turns = 3 if small else 25

    def respond(_request: Request) -> Reply:
        return answer({"apps": APPS})

    with tempfile.TemporaryDirectory() as folder, serving(respond) as server:
        environment = _environment(Path(folder), server.url)
        return [
            _row("jitsu --help", [*JITSU, "--help"], "pass", 5.0, turns, environment),
            _row("jitsu --version", [*JITSU, "--version"], "pass", 5.0, turns, environment),
            _row("completion of verbs", BASH, "pass", 6.0, turns, environment),
            _row("completion of names", [*JITSU, *NAMES], "pass", 6.0, turns, environment),
            _row("jitsu list", [*JITSU, "list"], "import click, requests", 1.4, turns, environment),
        ]


def _row(
    name: str, ours: list[str], code: str, target: float, turns: int, environment: dict[str, str]
) -> dict[str, Any]:
    theirs = [sys.executable, "-c", code]
    pairs = [(_seconds(ours, environment), _seconds(theirs, environment)) for _ in range(turns + 1)]
    # The first pair warms the caches.
    mine, other = (statistics.median(side) for side in zip(*pairs[1:], strict=True))
    return {
        "name": name,
        "ours": mine,
        "other": f'python -c "{code}"',
        "other_s": other,
        "ratio": mine / other,
        "target": target,
    }


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _environment(folder: Path, host: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "JITSU_HOME": str(folder / "state"),
        "JITSU_CONFIG": str(folder / "config.toml"),
        "JITSU_HOST": host,
        "JITSU_USERNAME": "ada",
        "JITSU_TOKEN": "t0ken",
    }
