"""How long packing a project takes, and how much memory, against npm and tar."""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FILES = 10_000
BYTES = 160_000_000
"""Half of the files are text, half random bytes."""

MEMORY = 100
"""What packing may need at most, MiB."""

_PACK = """
import sys
from pathlib import Path
from jitsu_py.project import archive, manifest, packlist
folder = Path(sys.argv[1])
files = packlist.packlist(folder, manifest.read(folder))
archive.pack(files, folder, Path(sys.argv[2]), advance=lambda done: None)
print(Path("/proc/self/status").read_text())
"""


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure whole processes, the three programs in turns, so that a noisy moment hits all.

    Args:
        small: a fiftieth of the project and few turns, to see that it works.

    Returns:
        Rows with name, ours (seconds, or MiB where `unit` says so), other (its name), other_s, ratio, target.
    """
    share, turns = (50, 1) if small else (1, 5)
    with tempfile.TemporaryDirectory(prefix="jitsu-packing-") as place:
        project, out = Path(place) / "project", Path(place) / "out"
        out.mkdir()
        write_project(project, FILES // share, BYTES // share)
        commands = {
            "ours": [sys.executable, "-c", _PACK, str(project), str(out / "ours.tgz")],
            "npm pack": ["npm", "pack", "--silent", "--pack-destination", str(out), str(project)],
            "tar czf": ["tar", "czf", str(out / "tar.tgz"), "-C", str(project), "."],
        }
        # The first turn warms the caches.
        taken = [{name: _timed(command) for name, command in commands.items()} for _ in range(turns + 1)][1:]
    seconds = {name: statistics.median(turn[name][0] for turn in taken) for name in commands}
    peak = max(_peak(turn["ours"][1]) for turn in taken)
    what = f"packing {FILES // share:,} files, {BYTES // share // 1_000_000} MB"
    return [
        _row(what, seconds, "npm pack", 0.25, peak),
        _row(what, seconds, "tar czf", 0.6, peak),
        {
            "name": f"{what}: memory",
            "ours": peak,
            "unit": "MiB",
            "other": "the limit",
            "other_s": MEMORY,
            "ratio": peak / MEMORY,
            "target": 1.0,
        },
    ]


def write_project(folder: Path, files: int, size: int) -> None:
    """Write a project of so many files and so many bytes, the same every time."""
    chance = random.Random(1985)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(4000)
    ]
    each = size // files
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "measured", "version": "1.0.0"}')
    for number in range(files):
        inner = folder / f"d{number % 100}" / f"s{number // 100 % 10}"
        inner.mkdir(parents=True, exist_ok=True)
        if number % 2:
            (inner / f"{number}.bin").write_bytes(chance.randbytes(each))
        else:
            (inner / f"{number}.js").write_text(" ".join(chance.choices(words, k=each // 6 + 10))[:each])


def _timed(command: list[str]) -> tuple[float, str]:
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def _peak(status: str) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def _row(name: str, seconds: dict[str, float], other: str, target: float, peak: float) -> dict[str, Any]:
    return {
        "name": name,
        "ours": seconds["ours"],
        "other": other,
        "other_s": seconds[other],
        "ratio": seconds["ours"] / seconds[other],
        "target": target,
        "peak_mib": peak,
    }
