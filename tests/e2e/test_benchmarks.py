"""The benchmarks run: each once, small. Figures are for people; here only that there are some."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.benchmarks.__main__ import known

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", known())
def test_it_measures(name: str) -> None:
    """Every row says what was measured, how much of it, and what is wanted."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", name, "--small", "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    rows = json.loads(done.stdout)
    assert rows
    for row in rows:
        assert row["name"]
        assert isinstance(row["ours"], int | float)
        assert "target" in row
