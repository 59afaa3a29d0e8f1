"""Apps that do not come up, and what is asked of an app at once, twice or in the wrong moment."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e import steps
from tests.e2e.steps import CRASHES, DEAF, NEVER_LISTENS, act, create, drones, put, says, serve
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform that waits 4 s for an app to listen."""
    home = tmp_path_factory.mktemp("impatient") / "home"
    home.mkdir()
    (home / "server.toml").write_text("[drones]\nboot = 4\ngrace = 1\ndrain = 2\n")
    with LocalPlatform(home) as running:
        yield running


def test_a_first_version_that_crashes_is_told_in_words(impatient: LocalPlatform, tmp_path: Path) -> None:
    """The app's own lines, once, then why and what next; visitors see that it is stopped."""
    folder = steps.folder(tmp_path / "app", "stillborn", CRASHES)
    failed = impatient.jitsu("deploy", cwd=folder)
    assert failed.returncode == 8
    assert failed.stderr.count("last words of the app") == 1
    assert "Nothing serves now" in failed.stderr
    assert failed.stdout == ""
    assert impatient.get("stillborn").status_code == 503
    assert drones(impatient, f"/apps/{impatient.user}/stillborn") == []


def test_a_failed_build_shows_its_lines_once(impatient: LocalPlatform, tmp_path: Path) -> None:
    """Exit 7; what was streamed is not said again at the end."""
    scripts = {"start": "node server.js", "build": "echo building-breaks-here && exit 9"}
    folder = steps.folder(tmp_path / "app", "unbuilt", scripts=scripts)
    failed = impatient.jitsu("deploy", cwd=folder)
    assert failed.returncode == 7, failed.stderr
    lines = [line.strip() for line in failed.stderr.splitlines()]
    assert lines.count("building-breaks-here") == 1
    assert steps.leftovers(impatient) == []


def test_an_app_that_crashes_while_it_serves_is_brought_back(impatient: LocalPlatform) -> None:
    """After every crash; when it crashes all the time, visitors read so, and a good version mends it."""
    path = serve(impatient, "loops", "if (Math.random() > 2) x;\n" + says("up"))
    first = drones(impatient, path)
    steps.kill(*first)
    steps.until(lambda: drones(impatient, path) and drones(impatient, path) != first)
    assert impatient.get("loops").text == "up"
    crashing = says("brief") + "setTimeout(() => process.exit(1), 1000);\n"
    put(impatient, path, "2", crashing)
    act(impatient, path, "start")
    steps.until(lambda: "crash" in impatient.get("loops").text.lower(), 40, "the page about crashes")
    assert impatient.get("loops").status_code == 503
    assert "launched again in 1 s" in "\n".join(steps.printed(impatient, path))
    put(impatient, path, "3", says("mended"))
    act(impatient, path, "start")
    assert impatient.get("loops").text == "mended"
    steps.until(lambda: len(drones(impatient, path)) == 1)


def test_start_of_what_only_crashes_does_not_say_all_is_well(impatient: LocalPlatform) -> None:
    """A started app whose drones all wait for their next try is tried at once, and its failure told."""
    source = "if (require('fs').existsSync('broken')) throw new Error('it is broken');\n"
    path = serve(impatient, "moody", source + says("well"))
    (code,) = (impatient.home / "builds" / impatient.user / "moody").rglob("server.js")
    marker = code.with_name("broken")
    marker.touch()
    steps.until(lambda: not _killed(impatient, path) and _waits(impatient, path), 30)
    answer = impatient.call("POST", f"{path}/start")
    assert (answer.status_code, answer.json()["error"]) == (400, "crashed")
    marker.unlink()
    act(impatient, path, "start")
    assert impatient.get("moody").text == "well"


def _killed(platform: LocalPlatform, path: str) -> bool:
    running = drones(platform, path)
    steps.kill(*running)
    return bool(running)


def _waits(platform: LocalPlatform, path: str) -> bool:
    return any("launched again in" in line for line in steps.printed(platform, path))


def test_starts_stops_and_scalings_at_once_end_as_the_last_word_says(shared_platform: LocalPlatform) -> None:
    """Forty at a time, none a 500; afterwards a start and a stop do what they say."""
    path = serve(shared_platform, "juggled")

    def one(number: int) -> int:
        verb = ("start", "stop", "restart", "cloud")[number % 4]
        body = [{"drones": 1 + number % 3}] if verb == "cloud" else None
        return shared_platform.call("POST", f"{path}/{verb}", body).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = set(pool.map(one, range(40)))
    # 503: a start that a stop gave up.
    assert statuses <= {200, 503}
    steps.scale(shared_platform, path, 2)
    app = act(shared_platform, path, "start")
    assert (app["state"], app["drones"]) == ("started", 2)
    assert act(shared_platform, path, "start")["drones"] == 2
    assert shared_platform.get("juggled").text == "juggled"
    steps.until(lambda: len(drones(shared_platform, path)) == 2)
    for _ in range(2):
        app = act(shared_platform, path, "stop")
        assert (app["state"], app["drones"]) == ("stopped", 0)
    assert drones(shared_platform, path) == []
    assert shared_platform.get("juggled").status_code == 503


def test_many_starts_at_once_launch_once(shared_platform: LocalPlatform) -> None:
    """All are answered when it serves, and nothing was launched twice."""
    path = create(shared_platform, "crowd")
    put(shared_platform, path, "1", says("crowd", after=0.5))
    with ThreadPoolExecutor(10) as pool:
        apps = list(pool.map(lambda _: act(shared_platform, path, "start"), range(10)))
    assert {app["drones"] for app in apps} == {1}
    assert len([line for line in steps.printed(shared_platform, path) if line.startswith("launched")]) == 1


@pytest.mark.parametrize("verb", ["stop", "destroy"])
def test_a_stop_does_not_wait_for_a_start(shared_platform: LocalPlatform, verb: str) -> None:
    """The start that is under way is given up and says so; nothing of it runs on."""
    path = create(shared_platform, f"halted-{verb}")
    put(shared_platform, path, "1", NEVER_LISTENS)
    answers = []
    starting = threading.Thread(target=lambda: answers.append(shared_platform.call("POST", f"{path}/start")))
    starting.start()
    steps.until(lambda: drones(shared_platform, path))
    began = time.monotonic()
    if verb == "stop":
        act(shared_platform, path, "stop")
    else:
        assert shared_platform.call("DELETE", path).status_code == 200
    starting.join()
    assert time.monotonic() - began < 4
    assert (answers[0].status_code, answers[0].json()["error"]) == (503, "unavailable")
    assert "given up" in answers[0].json()["message"]
    assert drones(shared_platform, path) == []


def test_the_start_of_a_newer_snapshot_takes_the_place_of_one_under_way(
    shared_platform: LocalPlatform,
) -> None:
    """Who deploys the mended version does not wait until the broken one has had its time."""
    path = create(shared_platform, "impatient")
    put(shared_platform, path, "1", NEVER_LISTENS)
    answers = []
    starting = threading.Thread(target=lambda: answers.append(shared_platform.call("POST", f"{path}/start")))
    starting.start()
    steps.until(lambda: drones(shared_platform, path))
    put(shared_platform, path, "2", says("the second"))
    began = time.monotonic()
    assert act(shared_platform, path, "start")["running"]["id"] == "2"
    assert time.monotonic() - began < 4
    starting.join()
    assert answers[0].status_code == 503
    assert shared_platform.get("impatient").text == "the second"


def test_two_deploys_at_once_both_arrive(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """Two folders of one app: two snapshots, one of them serves, no drone too many."""
    folders = [
        steps.folder(tmp_path / str(number) / "app", "twins", says(f"twin {number}")) for number in (1, 2)
    ]
    assert shared_platform.jitsu("deploy", cwd=folders[0]).returncode == 0
    (folders[0] / "server.js").write_text(says("twin 3"))
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda folder: shared_platform.jitsu("deploy", "--json", cwd=folder), folders))
    path = f"/apps/{shared_platform.user}/twins"
    app = steps.shown(shared_platform, path)
    assert sorted(snapshot["id"] for snapshot in app["snapshots"]) == ["0.1.0", "0.1.0-1", "0.1.0-2"]
    # One may have been given up for the other, and says so.
    assert any(one.returncode == 0 for one in done), [one.stderr for one in done]
    assert app["active"]["id"] == app["running"]["id"]
    steps.until(lambda: len(drones(shared_platform, path)) == 1)
    assert shared_platform.get("twins").text.startswith("twin ")


def test_an_environment_that_changed_takes_effect_at_the_next_start(shared_platform: LocalPlatform) -> None:
    """Not before; the start is a switch then, not a no-op."""
    source = "require('http').createServer((q, r) => r.end(process.env.COLOUR || 'none')).listen(3000);\n"
    path = serve(shared_platform, "painted", source)
    for verb, colour in (("restart", "red"), ("start", "blue")):
        before = shared_platform.get("painted").text
        assert shared_platform.call("PUT", path, {"env": {"COLOUR": colour}}).status_code == 200
        assert shared_platform.get("painted").text == before
        act(shared_platform, path, verb)
        assert shared_platform.get("painted").text == colour
    pids = drones(shared_platform, path)
    steps.until(lambda: len(drones(shared_platform, path)) == 1)
    pids = drones(shared_platform, path)
    act(shared_platform, path, "start")
    assert drones(shared_platform, path) == pids


def test_an_app_destroyed_during_its_build_is_gone(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """The build ends with its processes, the one who waits hears why, the name is free again."""
    scripts = {"start": "node server.js", "build": "node -e 'setInterval(() => {}, 1000)'"}
    path = create(shared_platform, "doomed")
    content = steps.files("doomed", says("x"), scripts=scripts)
    with ThreadPoolExecutor(1) as pool:
        from tests.platforms import archive

        upload = pool.submit(shared_platform.call, "POST", f"{path}/snapshots/1", data=archive(content))
        steps.until(lambda: any("setInterval" in line for line in steps.left_running(shared_platform.home)))
        assert shared_platform.call("DELETE", path).status_code == 200
        answer = upload.result()
    assert (answer.status_code, answer.json()["error"]) == (400, "build_interrupted")
    assert not any("setInterval" in line for line in steps.left_running(shared_platform.home))
    assert steps.leftovers(shared_platform) == []
    assert not (shared_platform.home / "builds" / shared_platform.user / "doomed").exists()
    assert not (shared_platform.home / "logs" / shared_platform.user / "doomed").exists()
    serve(shared_platform, "doomed")


def test_an_app_that_ignores_the_end_is_ended(impatient: LocalPlatform) -> None:
    """TERM, the grace, KILL: a stop takes no longer, and nothing is left."""
    path = serve(impatient, "deaf", DEAF + says("deaf"), drones=2)
    began = time.monotonic()
    act(impatient, path, "stop")
    assert time.monotonic() - began < 5
    assert drones(impatient, path) == []
