"""jitsu 0.15.0 of npm, unchanged, on Node 8: its commands do their work here, with their exit codes."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.old_clients import configure
from tests.platforms import LocalPlatform, hello

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.e2e.old_clients import OldClients

pytestmark = pytest.mark.slow


class Person:
    """Somebody with jitsu 0.15.0 and a project folder."""

    def __init__(self, clients: OldClients, platform: LocalPlatform, folder: Path) -> None:
        self.clients = clients
        self.platform = platform
        self.home = folder / "user"
        self.project = folder / "project"
        self.project.mkdir()
        configure(self.home, platform)

    def write(self, name: str, text: str, **manifest: object) -> None:
        """Write a project that answers `text`."""
        for path, content in hello(name, text, subdomain=name, engines={"node": "*"}, **manifest).items():
            (self.project / path).write_text(str(content))

    def jitsu(self, *words: str, typed: str = "", fails: bool = False) -> str:
        """Run a command, which must end as expected; what it said."""
        done: subprocess.CompletedProcess[str] = self.clients.jitsu(
            self.home, *words, cwd=self.project, typed=typed
        )
        said = done.stdout + done.stderr
        assert (done.returncode, "not ok" in said) == (int(fails), fails), said
        return said

    def login(self) -> None:
        """Log in as the local account."""
        self.jitsu("login", "--username", self.platform.user, "--password", self.platform.token)


@pytest.fixture(scope="module")
def person(old_clients: OldClients) -> Iterator[Person]:
    """Somebody who is logged in on a platform of their own."""
    folder = Path(tempfile.mkdtemp(prefix="jitsu-old-"))
    try:
        with LocalPlatform(folder / "home") as platform:
            logged_in = Person(old_clients, platform, folder)
            logged_in.login()
            yield logged_in
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_login_saves_a_token_and_no_password(person: Person) -> None:
    """The configuration it writes holds a token that the server knows."""
    saved = json.loads((person.home / ".jitsuconf").read_text())
    assert "password" not in saved
    answer = person.platform.call("GET", "/auth", auth=(saved["username"], saved["apiToken"]))
    assert answer.json()["via"] == "token"
    assert person.platform.user in person.jitsu("users", "whoami")


def test_a_wrong_password_logs_nobody_in(person: Person, tmp_path: Path) -> None:
    """Three failures end with exit code 1 and without a token."""
    stranger = Person(person.clients, person.platform, tmp_path)
    said = stranger.clients.jitsu(
        stranger.home, "login", "--username", person.platform.user, "--password", "wrong",
        cwd=stranger.project, typed="no\n",
    )  # fmt: skip
    assert said.returncode == 1
    assert "apiToken" not in (stranger.home / ".jitsuconf").read_text()


def test_from_deploy_to_destroy(person: Person) -> None:
    """deploy, list, view, stop, start, restart, setdrones, redeploy, rollback, destroy."""
    person.write("old-life", "one")
    assert "is now started" in person.jitsu("deploy")
    assert person.platform.get("old-life").text == "one"
    assert "-old-life-0.1.0.tgz" in person.jitsu("list")
    assert "old-life" in person.jitsu("view", "old-life")
    person.jitsu("stop")
    assert person.platform.get("old-life").status_code == 503
    person.jitsu("start")
    person.jitsu("restart", "old-life")
    person.jitsu("apps", "setdrones", "old-life", "2")
    assert "2/2" in person.jitsu("apps", "list")
    person.write("old-life", "two")
    person.jitsu("deploy", "--release", "patch")
    assert json.loads((person.project / "package.json").read_text())["version"] == "0.1.1"
    assert person.platform.get("old-life").text == "two"
    assert "is now running" in person.jitsu("snapshots", "activate", "old-life", "0.1.0")
    assert person.platform.get("old-life").text == "one"
    person.jitsu("destroy", "old-life", typed="yes\n")
    assert "doesn't exist" in person.jitsu("view", "old-life", fails=True)
    assert "doesn't exist" in person.jitsu("start", "old-life", fails=True)
    person.jitsu("stop", "old-life", fails=True)


def test_snapshots_are_listed_fetched_and_destroyed(person: Person) -> None:
    """The archive fetched is the one uploaded, byte for byte."""
    person.write("old-shots", "one")
    person.jitsu("deploy")
    person.jitsu("deploy", "--release", "patch")
    listed = person.jitsu("snapshots", "list", "old-shots")
    md5 = next(line.split()[-1] for line in listed.splitlines() if " 0.1.0 " in line)
    person.jitsu("snapshots", "fetch", "old-shots", "--snapshot", "0.1.0")
    fetched = (person.project / "old-shots-0.1.0.tgz").read_bytes()
    assert hashlib.md5(fetched).hexdigest() == md5
    (person.project / "old-shots-0.1.0.tgz").unlink()
    person.jitsu("snapshots", "destroy", "old-shots", "--destroy", "yes", "--snapshot", "0.1.0")
    assert " 0.1.0 " not in person.jitsu("snapshots", "list", "old-shots")
    person.jitsu("snapshots", "destroy", "old-shots", "--destroy", "yes", "--snapshot", "0.1.1", fails=True)
    person.jitsu("destroy", "old-shots", typed="yes\n")


def test_env(person: Person) -> None:
    """set, get, list, delete, save, load, clear."""
    person.write("old-env", "x")
    person.jitsu("apps", "create")
    person.jitsu("env", "set", "KEY", "value")
    assert "KEY value" in person.jitsu("env", "get", "KEY")
    assert "'value'" in person.jitsu("env", "list")
    person.jitsu("env", "save", typed="yes\n")
    person.jitsu("env", "delete", "KEY")
    assert "No environment variables" in person.jitsu("env", "list")
    person.jitsu("env", "load", typed="yes\n")
    assert "'value'" in person.jitsu("env", "list", "old-env")
    person.jitsu("env", "clear", typed="yes\n")
    assert "No environment variables" in person.jitsu("env", "list")
    person.jitsu("destroy", "old-env", typed="yes\n")


def test_logs(person: Person) -> None:
    """What the app prints is shown, oldest first."""
    person.write("old-logs", "x")
    server = "console.log('heard'); console.error('seen'); require('http').createServer().listen(1)\n"
    (person.project / "server.js").write_text(server)
    person.jitsu("deploy")
    shown = person.jitsu("logs", "app", "old-logs", "50")
    assert "][out] heard" in shown
    assert "][err] seen" in shown
    assert "heard" in person.jitsu("logs")
    person.jitsu("logs", "app", "nothing", fails=True)
    person.jitsu("destroy", "old-logs", typed="yes\n")


def test_tokens(person: Person) -> None:
    """Made, listed and destroyed with the password, which it asks for."""
    proof = ("--password", person.platform.token)
    assert "mine : jitsu_" in person.jitsu("tokens", "create", "mine", *proof)
    assert "mine" in person.jitsu("tokens", "list", *proof)
    person.jitsu("tokens", "destroy", "mine", *proof)
    assert "mine" not in person.jitsu("tokens", "list", *proof)
    person.jitsu("tokens", "destroy", "mine", *proof, fails=True)


def test_databases(person: Person) -> None:
    """Made by a type's old alias, shown with what connects, listed, destroyed; the name twice is refused."""

    def facts(name: str) -> dict[str, Any]:
        path = f"/databases/{person.platform.user}/{name}"
        told: dict[str, Any] = person.platform.call("GET", path).json()["database"]["metadata"]
        return told

    said = person.jitsu("databases", "create", "r", "old-cache")
    cache = facts("old-cache")
    assert "A new redis has been created" in said
    assert f"Connection port: {cache['port']}" in said
    assert f"redis-cli -h 127.0.0.1 -p {cache['port']} -a {cache['password']}" in said
    said = person.jitsu("databases", "create", "mongolab", "old-things")
    things = facts("old-things")
    assert f"Connection url: {things['uri']}/{things['dbname']}" in said
    assert f"mongoose.connect('{things['uri']}/{things['dbname']}')" in said
    listed = person.jitsu("databases", "list")
    assert "Database Name: old-cache" in listed
    assert "Database Name: old-things" in listed
    assert f"Connection auth: {cache['password']}" in person.jitsu("databases", "get", "old-cache")
    assert "does not exist" in person.jitsu("databases", "get", "old-nothing")
    for name in ("old-cache", "old-things"):
        assert "was deleted" in person.jitsu("databases", "destroy", name, typed="yes\n")
    assert "No databases found" in person.jitsu("databases", "list")


def test_the_cloud_is_here(person: Person) -> None:
    """`cloud list` names the one datacenter; an app can be started there."""
    person.write("old-cloud", "x")
    person.jitsu("deploy")
    assert "jitsu cloud local local" in person.jitsu("cloud", "list")
    assert "provider" in person.jitsu("cloud", "old-cloud")
    person.jitsu("cloud", "old-cloud", "local", "local", "--drones", "2")
    assert "2/2" in person.jitsu("list")
    person.jitsu("destroy", "old-cloud", typed="yes\n")


def test_a_build_that_fails_is_a_failure_and_can_be_tried_again(person: Person) -> None:
    """Exit code 1, the reason on the terminal, the running app untouched; the fixed one deploys."""
    person.write("old-fail", "fine")
    person.jitsu("deploy")
    broken = {"preinstall": "echo it broke; exit 3", "start": "node server.js"}
    person.write("old-fail", "broken", version="0.1.1", scripts=broken, dependencies={"ms": "2"})
    for _ in range(2):  # the second try has the first one's id
        said = person.jitsu("deploy", "--noanalyze", fails=True)
        assert "install_failed" in said
    assert person.platform.get("old-fail").text == "fine"
    person.write("old-fail", "better", version="0.1.1")
    person.jitsu("deploy")
    assert person.platform.get("old-fail").text == "better"
    person.jitsu("destroy", "old-fail", typed="yes\n")


def test_an_app_that_does_not_start_is_a_failure(person: Person) -> None:
    """Exit code 1, and what the app said is shown."""
    person.write("old-crash", "x")
    (person.project / "server.js").write_text("console.error('last words'); process.exit(3)\n")
    said = person.jitsu("deploy", fails=True)
    assert "crashed" in said
    person.jitsu("destroy", "old-crash", typed="yes\n")


def test_start_without_a_snapshot_says_so(person: Person) -> None:
    """It compares the message to the letter."""
    person.write("old-empty", "x")
    person.jitsu("apps", "create")
    assert "since it has no snapshots" in person.jitsu("start", "old-empty", fails=True)
    person.jitsu("destroy", "old-empty", typed="yes\n")


def test_logout_forgets_the_token(person: Person, tmp_path: Path) -> None:
    """Afterwards it asks for a login again."""
    other = Person(person.clients, person.platform, tmp_path)
    other.login()
    other.jitsu("logout")
    assert 'apiToken"' not in (other.home / ".jitsuconf").read_text()
