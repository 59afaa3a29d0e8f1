"""Bad versions of a good app: the one before serves on, and the failure says what changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server import settings
from jitsu_py.server.drones.census import marked
from tests.e2e import steps
from tests.e2e.steps import CRASHES, CRASHES_LATER, DEAF, NEVER_LISTENS, act, drones, put, says, serve, until
from tests.load import Load
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SICK = """
console.log('I listen and am not well');
require('http').createServer((q, r) => { r.statusCode = q.url === '/health' ? 500 : 200; r.end('sick'); })
  .listen(3000);
"""

FORKS = """
const { spawn } = require('child_process');
spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }).unref();
console.log('a child stays behind');
setTimeout(() => process.exit(4), 500);
"""

EATS = """
console.log('always hungry');
const a = [];
setInterval(() => { for (let i = 0; i < 8; i++) a.push(Buffer.alloc(1 << 20, 1)) }, 10);
"""

TURNS = """
const fs = require('fs');
require('http').createServer((q, r) => {
  const isSick = fs.existsSync(process.env.MARK + process.env.JITSU_DRONE);
  if (q.url === '/health' && isSick) r.statusCode = 500;
  if (q.url === '/who') return r.end(process.env.JITSU_DRONE);
  r.end('served');
}).listen(3000);
"""
"""Its drone fails its health check from when a file of its name lies beside MARK."""

HEALTH = {"health": {"path": "/health", "interval": 1, "timeout": 2}}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform of little patience, whose apps see a folder of the machine: `marks` beside it."""
    home, marks = tmp_path_factory.mktemp("strict") / "home", tmp_path_factory.mktemp("marks")
    home.mkdir()
    marks.chmod(0o755)
    times = "boot = 6\ngrace = 1\ndrain = 2\nboot_limit = 9\n"
    (home / "server.toml").write_text(f'[drones]\nfolders = "{marks}"\n{times}')
    with LocalPlatform(home) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "source", "words", "code"),
    [
        ("at-once", CRASHES, "last words of the app", "crashed"),
        ("later", CRASHES_LATER, "three seconds were enough", "crashed"),
        ("mute", NEVER_LISTENS, "nothing listens here", "never_listened"),
        ("deaf", DEAF + NEVER_LISTENS, "nothing listens here", "never_listened"),
        ("sick", SICK, "I listen and am not well", "unhealthy"),
        ("forks", FORKS, "a child stays behind", "crashed"),
        ("eats", EATS, "always hungry", "crashed"),
    ],
    ids=[
        "crashes-at-once",
        "after-3-s",
        "never-listens",
        "ignores-TERM",
        "unhealthy",
        "forks",
        "eats-memory",
    ],
)
def test_a_bad_version_never_takes_over(
    strict: LocalPlatform, tmp_path: Path, name: str, source: str, words: str, code: str
) -> None:
    """Under load: no visitor notices, exit 8, its own last lines, what changed; nothing of it stays."""
    path = f"/apps/{strict.user}/{name}"
    folder = steps.folder(tmp_path / name, name, says("good"), jitsu=HEALTH | {"boot": 4})
    made = strict.jitsu("deploy", "--ram", "160", cwd=folder)
    assert made.returncode == 0, made.stderr
    serving = drones(strict, path)
    (folder / "server.js").write_text(source)
    (folder / "extra.js").write_text("// new\n")
    with Load(steps.router_port(strict), f"{name}.localhost", connections=4, rate=20) as load:
        failed = strict.jitsu("deploy", "--json", cwd=folder)
        load.answered(20)
    assert failed.returncode == 8, failed.stderr
    error = json.loads(failed.stderr[failed.stderr.index("{") :])
    assert error["error"] == code
    assert words in "\n".join(error["output"])
    # The time it asked for, not the server's own.
    assert code == "crashed" or "within 4 seconds" in error["message"]
    assert name != "eats" or "out of memory (it may use 160 MiB)" in error["message"]
    assert error["details"]["differs"] == {"from": "0.1.0", "files": ["extra.js added", "server.js"]}
    assert "Changed since 0.1.0, which came up: files: extra.js added, server.js." in error["message"]
    assert not load.figures.failed, load.figures.failed[:3]
    assert set(load.figures.texts) == {"good"}
    until(lambda: drones(strict, path) == serving)
    left = [one for one in marked(strict.home.resolve()) if one.app == f"{strict.user}/{name}"]
    assert len({one.drone for one in left}) == 1, left
    app = steps.shown(strict, path)
    assert (app["state"], app["condition"], app["running"]["id"]) == ("started", "started", "0.1.0")
    if code == "unhealthy":
        (folder / "server.js").write_text(says("mended"))
        assert strict.jitsu("deploy", cwd=folder).returncode == 0
        assert strict.get(name).text == "mended"


def test_what_changed_names_dependencies_start_and_variables_but_no_values(strict: LocalPlatform) -> None:
    """And where nothing changed, that: the fault lies outside."""
    source = "if (process.env.BREAK) throw new Error('broken'); " + says("up")
    path = serve(strict, "differs", source)
    strict.call("PUT", path, {"env": {"BREAK": "s3cret-value"}})
    failed = strict.call("POST", f"{path}/restart").json()
    assert failed["details"]["differs"] == {"from": "1", "environment": ["BREAK added"]}
    assert "s3cret-value" not in json.dumps(failed)
    strict.call("PUT", path, {"env": {}})
    put(strict, path, "2", {**steps.files("differs", CRASHES), "package.json": _manifest("differs")})
    failed = strict.call("POST", f"{path}/start").json()
    assert failed["details"]["differs"] == {
        "from": "1",
        "files": ["package.json", "server.js"],
        "start": ["node server.js -> node ./server.js"],
    }


def _manifest(name: str) -> str:
    return json.dumps({"name": name, "version": "0.2.0", "scripts": {"start": "node ./server.js"}})


@pytest.mark.parametrize(
    ("asked", "key"), [({"boot": 10}, "jitsu.boot"), ({"health": {"path": "x"}}, "jitsu.health.path")]
)
def test_a_wrong_wish_is_refused_at_deploy(
    strict: LocalPlatform, tmp_path: Path, asked: dict[str, object], key: str
) -> None:
    """Exit 6 naming the key, for a new app and for one that serves; nothing of it arrives."""
    name = key.rpartition(".")[2]
    folder = steps.folder(tmp_path / name, name, jitsu=asked)
    refused = strict.jitsu("deploy", cwd=folder)
    assert refused.returncode == 6, refused.stderr
    assert f"{key} in package.json is" in refused.stderr
    assert strict.call("GET", f"/apps/{strict.user}/{name}").status_code == 404
    path = serve(strict, name)
    assert strict.jitsu("deploy", cwd=folder).returncode == 6
    assert len(steps.shown(strict, path)["snapshots"]) == 1
    answer = strict.call("PUT", path, {"jitsu": asked})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_manifest")


def marks_of(platform: LocalPlatform) -> Path:
    """The folder of the machine that the apps of the strict platform see."""
    (place,) = settings.load(platform.home).drones.places
    return place


def test_a_sick_drone_is_replaced_and_nobody_notices(strict: LocalPlatform) -> None:
    """Another one serves before it goes, and the log says why; while all are sick, they go on serving."""
    mark = marks_of(strict) / "sick-"
    files = steps.files("moody", TURNS, jitsu=HEALTH)
    path = steps.create(strict, "moody", env={"MARK": str(mark)})
    put(strict, path, "1", files)
    act(strict, path, "start")
    sick = strict.get("moody", "/who").text
    with Load(steps.router_port(strict), "moody.localhost", connections=4, rate=20) as load:
        mark.with_name(f"sick-{sick}").touch()
        until(lambda: strict.get("moody", "/who").text != sick, 40)
        until(lambda: len(drones(strict, path)) == 1, 40)
        load.answered(20)
    assert not load.figures.failed, load.figures.failed[:3]
    lines = "\n".join(steps.printed(strict, path))
    assert "sick: GET /health was answered 500, not a status below 400; it is replaced" in lines
    assert steps.shown(strict, path)["condition"] == "started"


def test_a_crash_loop_shows_in_the_list_and_is_no_stop(strict: LocalPlatform, tmp_path: Path) -> None:
    """`crashing` beside `stopped`; a good version makes it `started` again."""
    path = serve(strict, "looping", says("brief") + "setTimeout(() => process.exit(1), 1500);\n")
    act(strict, serve(strict, "resting"), "stop")
    until(lambda: steps.shown(strict, path)["condition"] == "crashing", 60, "the crash loop")
    listed = strict.jitsu("list", cwd=tmp_path).stdout.splitlines()
    states = {line.split()[0]: line.split()[1] for line in listed if line.split()}
    assert states["looping"] == "crashing"
    assert states["resting"] == "stopped"
    apps = {app["name"]: app for app in json.loads(strict.jitsu("list", "--json", cwd=tmp_path).stdout)}
    assert (apps["looping"]["state"], apps["looping"]["condition"]) == ("started", "crashing")
    put(strict, path, "2", says("mended"))
    assert act(strict, path, "start")["condition"] == "started"


COLOUR = (
    "if (process.env.COLOUR === 'broken') throw new Error('no such colour');\n"
    "require('http').createServer((q, r) => r.end('VERSION ' + process.env.COLOUR)).listen(3000);\n"
)


def test_a_rollback_brings_back_the_environment_when_asked(strict: LocalPlatform, tmp_path: Path) -> None:
    """The one that the snapshot last served in; without the flag the one of now stays."""
    path = steps.create(strict, "painted", env={"COLOUR": "red", "OLD": "1"})
    put(strict, path, "1", COLOUR.replace("VERSION", "one"))
    act(strict, path, "start")
    strict.call("PUT", path, {"env": {"COLOUR": "broken"}})
    assert strict.call("POST", f"{path}/start").status_code == 400  # it never served in this one
    strict.call("PUT", path, {"env": {"COLOUR": "blue"}})
    put(strict, path, "2", COLOUR.replace("VERSION", "two"))
    act(strict, path, "start")
    kept = strict.jitsu("rollback", "painted", "1", cwd=tmp_path)
    assert kept.returncode == 0, kept.stderr
    assert strict.get("painted").text == "one blue"
    assert act_to(strict, path, "2") == "two blue"
    strict.call("PUT", path, {"env": {"COLOUR": "broken"}})
    put(strict, path, "3", COLOUR)
    refused = strict.jitsu("rollback", "painted", "3", "--with-env", cwd=tmp_path)
    assert refused.returncode == 4, refused.stderr
    back = strict.jitsu("rollback", "painted", "2", "--with-env", cwd=tmp_path)
    assert back.returncode == 0, back.stderr
    assert "COLOUR" in back.stderr
    assert "blue" not in back.stderr
    assert strict.get("painted").text == "two blue"
    app = steps.shown(strict, path)
    assert (app["env"], app["active"]["id"]) == ({"COLOUR": "blue"}, "2")


def test_a_rollback_that_fails_changes_nothing(strict: LocalPlatform, tmp_path: Path) -> None:
    """Neither snapshot nor environment, and what served serves on; exit 8 with the app's own lines."""
    mark = marks_of(strict) / "broken"
    path = steps.create(strict, "steady", env={"COLOUR": "red", "MARK": str(mark)})
    guard = "if (require('fs').existsSync(process.env.MARK)) throw new Error('the world has changed');\n"
    put(strict, path, "1", guard + COLOUR.replace("VERSION", "one"))
    act(strict, path, "start")
    strict.call("PUT", path, {"env": {"COLOUR": "blue"}})
    put(strict, path, "2", COLOUR.replace("VERSION", "two"))
    act(strict, path, "start")
    mark.touch()
    failed = strict.jitsu("rollback", "steady", "1", "--with-env", cwd=tmp_path)
    assert failed.returncode == 8, failed.stderr
    assert "the world has changed" in failed.stderr
    assert "2 still serves" in failed.stderr
    assert strict.get("steady").text == "two blue"
    app = steps.shown(strict, path)
    assert (app["env"], app["active"]["id"], app["running"]["id"]) == ({"COLOUR": "blue"}, "2", "2")


def act_to(platform: LocalPlatform, path: str, ref: str) -> str:
    """Roll back by the API; what visitors see."""
    answer = platform.call("POST", f"{path}/rollback", {"snapshot": ref})
    assert answer.status_code == 200, answer.text
    return platform.get(path.rpartition("/")[2]).text
