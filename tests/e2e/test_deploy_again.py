"""What a deploy does when it is not the first: what was built is not built again; dependencies anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e import steps
from tests.e2e.steps import drones, says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_dependencies_are_installed_anew_when_asked(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """--clear-cache passes by what the server keeps, and the build's own lines say so."""
    folder = steps.folder(tmp_path / "app", "anew", dependencies={"ms": "2.1.3"})
    assert shared_platform.jitsu("deploy", cwd=folder).returncode == 0
    (folder / "server.js").write_text(says("second"))
    second = shared_platform.jitsu("deploy", cwd=folder)
    assert "Dependencies unchanged: reusing" in second.stderr
    third = shared_platform.jitsu("deploy", "--clear-cache", cwd=folder)
    assert third.returncode == 0, third.stderr
    assert "Dependencies are not reused: the deploy asked for new ones." in third.stderr
    assert shared_platform.get("anew").text == "second"


def test_what_is_built_is_not_built_again(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """The same files: served on by the same processes, started where stopped, back where they were before."""
    folder = steps.folder(tmp_path / "app", "same", says("first"))
    path = f"/apps/{shared_platform.user}/same"

    def deploy(*words: str) -> dict[str, object]:
        done = shared_platform.jitsu("deploy", "--json", *words, cwd=folder)
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return {key: answer[key] for key in ("snapshot", "unchanged")}

    assert deploy() == {"snapshot": "0.1.0", "unchanged": False}
    serving = drones(shared_platform, path)
    again = shared_platform.jitsu("deploy", cwd=folder)
    assert "Nothing changed since 0.1.0, which serves" in again.stderr
    assert again.stdout.startswith("http://same.localhost:")
    assert drones(shared_platform, path) == serving

    steps.act(shared_platform, path, "stop")
    assert shared_platform.get("same").status_code == 503
    assert deploy() == {"snapshot": "0.1.0", "unchanged": True}
    assert shared_platform.get("same").text == "first"

    (folder / "server.js").write_text(says("second"))
    assert deploy() == {"snapshot": "0.1.0-1", "unchanged": False}
    (folder / "server.js").write_text(says("first"))
    assert deploy() == {"snapshot": "0.1.0", "unchanged": True}
    assert shared_platform.get("same").text == "first"
    assert deploy("--force") == {"snapshot": "0.1.0-2", "unchanged": False}

    environment = shared_platform.jitsu("env", "set", "COLOUR=red", cwd=folder)
    assert environment.returncode == 0, environment.stderr
    before = drones(shared_platform, path)
    assert deploy() == {"snapshot": "0.1.0-2", "unchanged": True}
    steps.until(lambda: not set(before) & set(drones(shared_platform, path)))
