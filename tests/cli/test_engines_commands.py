"""`jitsu server engines`: the Nodes of a platform, by the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jitsu_py.cli import run
from jitsu_py.server import engines as shelf
from tests.cli.explained import explained
from tests.e2e import steps

if TYPE_CHECKING:
    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

SMALL = "0.10.48"
"""The smallest download."""


def test_those_of_the_machine(person: Person) -> None:
    """Listed as a table and as JSON; none is removed."""
    rows = person.jitsu("server", "engines", "list", "--json").json()
    assert rows
    assert list(rows[0]) == ["version", "from", "size", "usedBy", "node"]
    assert {row["from"] for row in rows} == {"this machine"}
    table = person.jitsu("server", "engines", "ls")
    assert table.out.splitlines()[0].split() == ["VERSION", "FROM", "SIZE", "USED", "BY", "PROGRAM"]
    pruned = person.jitsu("server", "engines", "prune")
    assert (pruned.code, pruned.out) == (0, "")
    assert "Nothing to remove" in pruned.err


@pytest.mark.parametrize("wanted", ["0.9999.x", "newest, please"])
def test_what_there_is_not(person: Person, wanted: str) -> None:
    """Exit 4 with what a version looks like."""
    done = person.jitsu("server", "engines", "add", wanted, "--json")
    assert (done.code, done.out) == (4, "")
    assert done.error()["error"] == "engine_not_found"
    assert "^18.17" in done.error()["hint"]


def test_a_platforms_own(
    owner: Person,
    shared_platform: LocalPlatform,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Fetched ahead while the platform runs, used by an app, kept for it, removed when nobody needs it."""
    added = owner.jitsu("server", "engines", "add", "0.10", timeout=120)
    assert (added.code, added.out) == (0, f"{SMALL}\n"), added.err
    assert f"Fetching Node {SMALL}" in added.err
    again = owner.jitsu("server", "engines", "add", "0.10.x", "--json").json()
    assert (again["version"], again["from"], again["usedBy"]) == (SMALL, "npm", [])
    assert explained("server engines add", again)
    source = "require('http').createServer(function (q, r) { r.end('old') }).listen(3000)"
    folder = steps.folder(owner.folder / "old", "old", source, engines={"node": "0.10"})
    deployed = owner.jitsu("deploy", cwd=folder, timeout=120)
    assert deployed.code == 0, deployed.err
    assert "Fetching Node" not in deployed.err
    listed = owner.jitsu("server", "engines", "list", "--json").json()
    used = next(row for row in listed if row["version"] == SMALL)
    assert used["usedBy"] == [f"{shared_platform.user}/old 0.1.0"]

    # Nothing is removed within an hour of its download, which a test does not wait for.
    monkeypatch.setattr(shelf, "YOUNG_SECONDS", 0)
    monkeypatch.setenv("JITSU_HOME", str(shared_platform.home))
    assert _prune(capsys) == []
    assert owner.jitsu("destroy", "old", "--confirm").code == 0
    assert _prune(capsys, "--dry-run") == [SMALL]
    assert (shared_platform.home / "engines" / "node" / SMALL).is_dir()
    assert _prune(capsys) == [SMALL]
    assert not (shared_platform.home / "engines" / "node" / SMALL).exists()


def _prune(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Run it in this process, so that the test can shorten the hour; versions that go."""
    capsys.readouterr()
    assert run(["server", "engines", "prune", "--json", *words]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert explained("server engines prune", rows)
    return [row["version"] for row in rows]


def test_without_a_place(person: Person) -> None:
    """A state folder that cannot be is a clear error."""
    (person.folder / "state").write_text("a file")
    done = person.jitsu("server", "engines", "list")
    assert done.code in {2, 9, 11}
    assert "Traceback" not in done.err
