"""Adding a missing module the way of the project: by npm, yarn or pnpm, whichever lockfile it has."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from jitsu_py.deploy import additions
from jitsu_py.deploy.additions import Addition
from jitsu_py.errors import ProjectError
from jitsu_py.reporter import Silent
from tests.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

WANTED = Addition("is-number", "^7.0.0")


@pytest.fixture(scope="module")
def managers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with yarn and pnpm, as npm installs them."""
    need("npm", "npm")
    folder = tmp_path_factory.mktemp("managers")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run([*command, "yarn@1.22.22", "pnpm@9.15.9"], check=True, capture_output=True, timeout=300)
    return folder / "node_modules" / ".bin"


@pytest.mark.parametrize(
    ("lockfile", "begun", "workspaces"),
    [
        ("package-lock.json", None, False),
        ("yarn.lock", "# yarn lockfile v1\n", False),
        ("yarn.lock", "# yarn lockfile v1\n", True),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n", False),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n", True),
    ],
)
def test_the_projects_own_manager_adds(
    lockfile: str,
    begun: str | None,
    workspaces: bool,
    managers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is in package.json and the lockfile, at the root of workspaces too; no other lockfile is made."""
    monkeypatch.setenv("PATH", f"{managers}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "app"
    folder.mkdir()
    body: dict[str, object] = {"name": "app", "version": "1.0.0", "private": True}
    if workspaces:
        body["workspaces"] = ["inner"]
        (folder / "inner").mkdir()
        (folder / "inner" / "package.json").write_text('{"name": "inner", "version": "1.0.0"}')
        if lockfile.startswith("pnpm"):
            (folder / "pnpm-workspace.yaml").write_text("packages:\n  - inner\n")
    (folder / "package.json").write_text(json.dumps(body))
    if begun is not None:
        (folder / lockfile).write_text(begun)
    additions.add(folder, [WANTED], Silent())
    written = json.loads((folder / "package.json").read_text())
    assert written["dependencies"] == {"is-number": "^7.0.0"}
    assert "is-number" in (folder / lockfile).read_text()
    assert (folder / "node_modules" / "is-number" / "package.json").exists()
    known = {"package-lock.json", "yarn.lock", "pnpm-lock.yaml"}
    assert {path.name for path in folder.iterdir()} & known == {lockfile}


def test_what_cannot_be_added_is_said(tmp_path: Path) -> None:
    """With the manager's last lines and the command to run by hand; package.json stays as it was."""
    need("npm", "npm")
    (tmp_path / "package.json").write_text('{"name": "app"}')
    with pytest.raises(ProjectError) as caught:
        additions.add(tmp_path, [Addition("is-number", "^9999.0.0")], Silent())
    assert caught.value.hint == (
        "run it by itself: npm install --save-prod --no-audit --no-fund is-number@^9999.0.0"
    )
    assert (tmp_path / "package.json").read_text() == '{"name": "app"}'
