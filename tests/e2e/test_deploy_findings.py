"""A look at the code before it is sent, by the real command line and against a real build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e import steps
from tests.e2e.steps import says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_what_will_be_missing_is_said_before_it_is(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """The module that the start then fails for was named with file and line; declared, it is no word."""
    folder = steps.folder(tmp_path / "app", "lacking", "require('ms');\n" + says("ms"))
    planned = shared_platform.jitsu("deploy", "--dry-run", "--json", cwd=folder)
    (found,) = json.loads(planned.stdout)["findings"]
    assert (found["kind"], found["name"], found["path"], found["line"]) == ("missing", "ms", "server.js", 1)
    failed = shared_platform.jitsu("deploy", cwd=folder)
    assert failed.returncode == 8
    warned, _, rest = failed.stderr.partition("Packing")
    assert "server.js:1: ms is asked for and not in package.json" in warned
    assert "Cannot find module 'ms'" in rest
    steps.folder(folder, "lacking", "require('ms');\n" + says("ms"), dependencies={"ms": "2.1.3"})
    done = shared_platform.jitsu("deploy", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert shared_platform.get("lacking").text == "ms"
