"""^C and TERM in every phase of a deploy: a sentence about what goes on, and nothing half-made."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from tests.e2e import steps
from tests.e2e.steps import NEVER_LISTENS, drones, says, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

SLOW_BUILD = {"start": "node server.js", "build": "node -e 'console.log(1); setInterval(() => {}, 1000)'"}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where the command line makes its temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def deploy(platform: LocalPlatform, folder: Path, scratch: Path) -> Any:
    """Start a deploy in a terminal of its own."""
    environment = {
        **platform.env(folder.parent),
        "TMPDIR": str(scratch),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
    }
    del environment["CI"]
    child = pexpect.spawn(
        sys.executable,
        ["-m", "jitsu_py", "deploy"],
        cwd=str(folder),
        env=environment,
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 160),
    )
    child.logfile_read = io.StringIO()
    return child


def ended(child: Any) -> tuple[int, str]:
    """Its exit code and all it said."""
    child.read()
    child.close()
    return child.exitstatus, child.logfile_read.getvalue()


def read_until(child: Any, condition: Callable[[], object]) -> None:
    """Wait for something while reading: a terminal that nobody reads holds up who writes to it."""

    def happened() -> object:
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            child.read_nonblocking(65536, timeout=0.01)
        return condition() or not child.isalive()

    steps.until(happened)


def by_terminal(child: Any) -> None:
    """^C, as typed."""
    child.sendintr()


def by_term(child: Any) -> None:
    """TERM, as a CI system sends it."""
    os.kill(child.pid, signal.SIGTERM)


def big(folder: Path, megabytes: int) -> None:
    """Something to pack and to send that does not compress."""
    with (folder / "ballast.bin").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(2**20))


@pytest.mark.parametrize("how", [by_terminal, by_term])
def test_during_packing(
    shared_platform: LocalPlatform, tmp_path: Path, scratch: Path, how: Callable[[Any], None]
) -> None:
    """Nothing was uploaded; no archive is left on either side."""
    name = f"packing-{how.__name__.replace('_', '-')}"
    folder = steps.folder(tmp_path / "app", name)
    big(folder, 300)
    child = deploy(shared_platform, folder, scratch)
    read_until(child, lambda: list(scratch.rglob("*.tgz*")))
    how(child)
    code, text = ended(child)
    assert code == 130, text
    assert "nothing was uploaded" in text
    fine_afterwards(shared_platform, folder, scratch, name)


@pytest.mark.parametrize("how", [by_terminal, by_term])
def test_during_the_upload(
    shared_platform: LocalPlatform, tmp_path: Path, scratch: Path, how: Callable[[Any], None]
) -> None:
    """The server drops what it got."""
    name = f"upload-{how.__name__.replace('_', '-')}"
    folder = steps.folder(tmp_path / "app", name)
    big(folder, 150)
    child = deploy(shared_platform, folder, scratch)
    read_until(child, lambda: steps.leftovers(shared_platform))
    how(child)
    code, text = ended(child)
    assert code == 130, text
    assert "the upload was not finished" in text
    steps.until(lambda: not steps.leftovers(shared_platform))
    assert shown(shared_platform, f"/apps/{shared_platform.user}/{name}")["snapshots"] == []
    fine_afterwards(shared_platform, folder, scratch, name)


@pytest.mark.parametrize("how", [by_terminal, by_term])
def test_during_the_build(
    shared_platform: LocalPlatform, tmp_path: Path, scratch: Path, how: Callable[[Any], None]
) -> None:
    """The build goes on on the server, as the sentence says; the next deploy has the next id."""
    name = f"build-{how.__name__.replace('_', '-')}"
    folder = steps.folder(tmp_path / "app", name, scripts=SLOW_BUILD)
    path = f"/apps/{shared_platform.user}/{name}"
    child = deploy(shared_platform, folder, scratch)
    child.expect("Building: npm run build")
    how(child)
    code, text = ended(child)
    assert code == 130, text
    assert "the build of 0.1.0 goes on on the server" in text
    assert [snapshot["state"] for snapshot in shown(shared_platform, path)["snapshots"]] == ["building"]
    assert shared_platform.call("DELETE", f"{path}/snapshots/0.1.0").status_code == 200
    steps.folder(folder, name)
    fine_afterwards(shared_platform, folder, scratch, name)


@pytest.mark.parametrize("how", [by_terminal, by_term])
def test_during_the_start(
    shared_platform: LocalPlatform, tmp_path: Path, scratch: Path, how: Callable[[Any], None]
) -> None:
    """The start goes on on the server; a mended version does not have to wait for its end."""
    name = f"start-{how.__name__.replace('_', '-')}"
    folder = steps.folder(tmp_path / "app", name, NEVER_LISTENS)
    child = deploy(shared_platform, folder, scratch)
    read_until(child, lambda: drones(shared_platform, f"/apps/{shared_platform.user}/{name}"))
    how(child)
    code, text = ended(child)
    assert code == 130, text
    assert "the start of 0.1.0 goes on on the server" in text
    steps.folder(folder, name, says("mended"))
    began = time.monotonic()
    fine_afterwards(shared_platform, folder, scratch, name, "mended")
    assert time.monotonic() - began < 6


def fine_afterwards(
    platform: LocalPlatform, folder: Path, scratch: Path, name: str, text: str | None = None
) -> None:
    """No temporary file is left; the server answers; the next deploy works."""
    assert list(scratch.iterdir()) == []
    before = (folder / "package.json").read_bytes()
    (folder / "ballast.bin").unlink(missing_ok=True)
    done = platform.jitsu("deploy", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert platform.get(name).text == (text or name)
    assert (folder / "package.json").read_bytes() == before
    assert steps.leftovers(platform) == []
    path = f"/apps/{platform.user}/{name}"
    steps.until(lambda: len(drones(platform, path)) == 1)
